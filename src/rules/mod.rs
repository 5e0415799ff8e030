//! Facts and a profile to verdicts: one file a rule, all of them pure.
//!
//! A rule says how bad its finding is (the [`Grade`]); the profile says how much that cloud cares (its action). The
//! weaker of the two is what happens, see [`crate::report`].

mod boot_root;
mod case;
mod cloud_store;
mod commands;
mod data_disks;
mod disks;
pub mod docs;
mod dracut;
mod initramfs;
mod interfaces;
mod release_package;
mod starting;
mod text;
mod verdict;
mod version;
mod volumes;

mod drv_01_virtio_installed;
mod frm_01_image_name;
mod frm_03_object_address;
mod frm_04_os_type;
mod frm_07_platform_offered;
mod frm_09_description;
mod fs_01_file_system_accepted;
mod fs_02_ext4_without_64bit;
mod fs_03_ext4_without_project_quota;
mod fs_04_windows_ntfs;
mod fs_05_intact;
mod fs_06_not_full;
mod img_01_format_accepted;
mod img_02_not_iso;
mod img_03_qcow2_ticket;
mod img_04_compact_format;
mod img_05_declared_format;
mod img_07_self_contained;
mod lnx_01_critical_files;
mod lnx_02_issue;
mod lnx_03_boot_entry;
mod lnx_04_fstab;
mod lnx_05_shadow_writable;
mod lnx_06_selinux;
mod lnx_07_root_password;
mod os_01_version_accepted;
mod os_06_standard_platform;
mod os_07_customized_linux;
mod os_08_system_ticket;
mod os_09_architecture;
mod os_10_native_kernel;
mod os_11_declared_platform;
mod par_01_table_present;
mod par_02_root_found;
mod par_03_mbr;
mod par_05_single_partition;
mod par_07_no_dynamic_disk;
mod par_08_boot_loader;
mod siz_01_virtual_size;
mod siz_02_actual_size;
mod siz_03_disk_size;
mod siz_04_holds_image;
mod siz_05_data_disk_size;
mod src_01_cloud_store;
mod src_02_readable;
mod src_03_signature_valid;
mod src_04_single_use;
mod src_05_same_region;
mod src_06_present;
mod src_07_finance_region;
mod src_08_bucket_region;
mod src_09_import_role;
mod src_10_upload_complete;
mod svc_01_cloud_init;
mod svc_02_datasource;
mod svc_05_guest_agent;
mod svc_06_firewall;
mod svc_08_ssh_port;
mod svc_10_dhcp;
mod svc_11_interfaces;
mod svc_12_ipv6;
mod svc_13_interface_name;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use case::{Case, DataDisk, Request};
pub use disks::Disks;
pub use text::in_gib;
pub use text::{printable, shown};
pub use verdict::{Evidence, Finding, Grade, Judged, Verdict, Why};

/// A rule of the catalogue.
pub struct Rule {
    /// Catalogue id, kept for ever: `DRV-01`.
    pub id: &'static str,
    /// Condition type, positive: `VirtioInstalled`.
    pub name: &'static str,
    /// Reason when False, unless the profile names its own: `VirtioNotInstall`.
    pub code: &'static str,
    /// How much of it can be verified from bytes or metadata.
    pub verifiable: Verifiable,
    /// Damage that no waiver lowers.
    pub structural: bool,
    /// The rule's own source, whose `//!` comment has the four headings What it checks, Why, How it is found, How to mend it.
    pub source: &'static str,
    /// Judges.
    pub check: fn(&Case) -> Judged,
}

/// How much of a rule can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifiable {
    /// All of it: `Unknown` makes a report Undetermined where the profile requires the rule.
    Fully,
    /// Partly: `Unknown` is listed and blocks nothing.
    Partly,
}

impl Rule {
    /// What the rule makes of a case.
    pub fn judge(&self, case: &Case) -> Verdict {
        let verdict = (self.check)(case).unwrap_or_else(|stopped| *stopped);
        if case.facts.reads.exceeded { verdict.for_want_of_budget() } else { verdict }
    }
}

/// Every rule, in the order of every report. To add one: a file here and a line in this slice.
pub const RULES: &[&Rule] = &[
    &src_01_cloud_store::RULE,
    &src_02_readable::RULE,
    &src_03_signature_valid::RULE,
    &src_04_single_use::RULE,
    &src_05_same_region::RULE,
    &src_06_present::RULE,
    &src_07_finance_region::RULE,
    &src_08_bucket_region::RULE,
    &src_09_import_role::RULE,
    &src_10_upload_complete::RULE,
    &img_01_format_accepted::RULE,
    &img_02_not_iso::RULE,
    &img_03_qcow2_ticket::RULE,
    &img_04_compact_format::RULE,
    &img_05_declared_format::RULE,
    &img_07_self_contained::RULE,
    &siz_01_virtual_size::RULE,
    &siz_02_actual_size::RULE,
    &siz_03_disk_size::RULE,
    &siz_04_holds_image::RULE,
    &siz_05_data_disk_size::RULE,
    &par_01_table_present::RULE,
    &par_02_root_found::RULE,
    &par_03_mbr::RULE,
    &par_05_single_partition::RULE,
    &par_07_no_dynamic_disk::RULE,
    &par_08_boot_loader::RULE,
    &fs_01_file_system_accepted::RULE,
    &fs_02_ext4_without_64bit::RULE,
    &fs_03_ext4_without_project_quota::RULE,
    &fs_04_windows_ntfs::RULE,
    &fs_05_intact::RULE,
    &fs_06_not_full::RULE,
    &os_01_version_accepted::RULE,
    &os_06_standard_platform::RULE,
    &os_07_customized_linux::RULE,
    &os_08_system_ticket::RULE,
    &os_09_architecture::RULE,
    &os_10_native_kernel::RULE,
    &os_11_declared_platform::RULE,
    &lnx_01_critical_files::RULE,
    &lnx_02_issue::RULE,
    &lnx_03_boot_entry::RULE,
    &lnx_04_fstab::RULE,
    &lnx_05_shadow_writable::RULE,
    &lnx_06_selinux::RULE,
    &lnx_07_root_password::RULE,
    &drv_01_virtio_installed::RULE,
    &svc_01_cloud_init::RULE,
    &svc_02_datasource::RULE,
    &svc_05_guest_agent::RULE,
    &svc_06_firewall::RULE,
    &svc_08_ssh_port::RULE,
    &svc_10_dhcp::RULE,
    &svc_11_interfaces::RULE,
    &svc_12_ipv6::RULE,
    &svc_13_interface_name::RULE,
    &frm_01_image_name::RULE,
    &frm_03_object_address::RULE,
    &frm_04_os_type::RULE,
    &frm_07_platform_offered::RULE,
    &frm_09_description::RULE,
];

/// The rule of that name or catalogue id, which a waiver may name.
///
/// # Errors
/// Why it may not, in a sentence.
pub fn waivable(name_or_id: &str) -> Result<&'static Rule, String> {
    match find(name_or_id) {
        None => Err(format!("there is no rule {name_or_id:?}; `image-import rules` lists them")),
        Some(rule) if rule.structural => {
            Err(format!("{} cannot be waived: it is damage that no import survives", rule.name))
        }
        Some(rule) => Ok(rule),
    }
}

/// The rule of that name or catalogue id.
pub fn find(name_or_id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name_or_id || rule.id.eq_ignore_ascii_case(name_or_id))
}
