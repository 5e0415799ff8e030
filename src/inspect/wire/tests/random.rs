//! Facts of every size and spelling, the same for the same seed.

use super::sample;
use crate::inspect::facts::*;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        // Knuth's MMIX generator.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
    fn text(&mut self, max: u64) -> String {
        let len = self.below(max + 1);
        (0..len).map(|_| ['a', 'Z', '0', '"', '\\', '/', ' ', '<', 'é', '镜', '💾'][self.below(11) as usize]).collect()
    }
    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| make(self))
    }
    fn trouble(&mut self) -> Trouble {
        let kind = [TroubleKind::NotFound, TroubleKind::Corrupt, TroubleKind::Limit][self.below(3) as usize];
        Trouble { kind, layer: self.text(8), at: self.maybe(|d| d.below(u64::MAX)), what: self.text(60) }
    }
}

fn boot_modes(dice: &mut Dice) -> Fact<BootModes> {
    let way = |dice: &mut Dice| Way {
        mode: [BootMode::Bios, BootMode::Uefi][dice.below(2) as usize],
        loader: [Loader::Grub2, Loader::Fallback, Loader::Bootmgr][dice.below(3) as usize],
        volume: dice.maybe(|d| d.text(8)),
        path: dice.maybe(|d| d.text(60)),
        at: dice.maybe(|d| d.below(u64::MAX)),
        program: dice.maybe(|d| [Program::Grub2, Program::Shim][d.below(2) as usize]),
    };
    let end = |dice: &mut Dice| DeadEnd {
        mode: BootMode::Uefi,
        why: [EndKind::NoFile, EndKind::NoCode, EndKind::NotFat][dice.below(3) as usize],
        volume: dice.maybe(|d| d.text(8)),
        path: dice.maybe(|d| d.text(60)),
        at: dice.maybe(|d| d.below(u64::MAX)),
    };
    Fact::Known(BootModes {
        ways: (0..dice.below(4)).map(|_| way(dice)).collect(),
        ends: (0..dice.below(4)).map(|_| end(dice)).collect(),
        undecided: (0..dice.below(3)).map(|_| Undecided { mode: BootMode::Bios, trouble: dice.trouble() }).collect(),
        kernel: dice.maybe(|d| d.text(20)),
    })
}

pub(super) fn facts(seed: u64) -> Facts {
    let dice = &mut Dice(seed);
    for _ in 0..4 {
        dice.below(2);
    }
    let size = [1, 3, 8, 40][dice.below(4) as usize];
    let (kernels, partitions) = (dice.below(size) as usize + 1, dice.below(size) as usize + 1);
    let mut facts = sample::server(kernels, partitions);
    facts.source.etag = dice.maybe(|d| d.text(40));
    facts.source.access = [Access::Reached, Access::NotFound, Access::Forbidden][dice.below(3) as usize];
    facts.source.http =
        dice.maybe(|d| crate::disk::Http { status: d.below(600) as u16, code: d.text(30), request_id: d.text(60) });
    for volume in &mut facts.volumes {
        volume.label = dice.text(16);
        volume.top = (0..dice.below(12)).map(|_| dice.text(20)).collect();
        volume.trouble = dice.maybe(Dice::trouble);
        volume.mounted_at = dice.text(30);
    }
    facts.boot_modes = dice.maybe(boot_modes);
    let Some(guest) = &mut facts.guest else { return facts };
    if dice.below(5) == 0 {
        guest.release = Some(Fact::Unreadable(dice.trouble()));
    }
    let Some(linux) = &mut guest.linux else { return facts };
    for kernel in &mut linux.kernels {
        kernel.version = dice.text(40);
        kernel.config = dice.maybe(|d| d.text(60));
        for driver in &mut kernel.drivers {
            driver.blocked_by = dice.maybe(|d| d.text(40));
            driver.in_initramfs = dice.maybe(|d| d.text(60));
        }
        if dice.below(4) == 0 {
            kernel.initramfs = Some(Fact::Unreadable(dice.trouble()));
        }
    }
    if let Some(Fact::Known(boot)) = &mut linux.boot {
        boot.command_line = dice.text(512);
        boot.initrd = (0..dice.below(4)).map(|_| dice.text(80)).collect();
    }
    if let Some(Fact::Known(fstab)) = &mut linux.fstab {
        for entry in &mut fstab.entries {
            entry.source = dice.text(60);
            entry.target = dice.text(40);
        }
    }
    if dice.below(6) == 0 {
        facts.guest = None;
    }
    facts
}
