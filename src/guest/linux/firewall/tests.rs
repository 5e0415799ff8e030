use std::process::Command;

use super::*;
use crate::guest::linux::testarchive;
use crate::guest::testing::MemoryFs;
use Passage::{Blocked, Open, Passes, Unknown};

mod written;

const DROP: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n";

/// What of iptables' rules, and what becomes of SSH.
fn iptables_rows() -> Vec<(String, Passage)> {
    let drop = |rules: &str| format!("{DROP}{rules}COMMIT\n");
    let out = |rules: &str| format!("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n{rules}COMMIT\n");
    let redhat = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n";
    let ssh = "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n";
    let end = "-A INPUT -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";
    vec![
        (format!("{redhat}{ssh}{end}"), Passes),
        (format!("{redhat}{end}"), Blocked),
        (format!("{redhat}COMMIT\n"), Open),
        (drop(""), Blocked),
        (drop("-A INPUT -p tcp --dport 22 -j ACCEPT\n"), Passes),
        (drop("-A INPUT -p tcp -m multiport --dports 80,443,20:25 -j ACCEPT\n"), Passes),
        (drop("-A INPUT -p tcp -m tcp ! --dport 22 -j ACCEPT\n"), Blocked),
        (drop("-A INPUT -p udp -m udp --dport 22 -j ACCEPT\n"), Blocked),
        (drop("-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT\n"), Unknown),
        (drop("-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT\n"), Unknown),
        (drop("-A INPUT ! -i lo -p tcp -m tcp --dport 22 -m comment --comment \"let in\" -j ACCEPT\n"), Passes),
        (
            drop(
                ":SSH - [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j SSH\n-A SSH -m limit --limit 3/min -j LOG --log-prefix \"a b\"\n-A SSH -j ACCEPT\n",
            ),
            Passes,
        ),
        (drop(":SSH - [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j SSH\n-A SSH -j RETURN\n-A SSH -j ACCEPT\n"), Blocked),
        (drop(":SSH - [0:0]\n-A INPUT -g SSH\n-A INPUT -j ACCEPT\n-A SSH -p udp -j ACCEPT\n"), Blocked),
        (drop("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT\n"), Passes),
        (drop("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j ACCEPT\n"), Blocked),
        (
            format!(
                "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 22 -j DROP\nCOMMIT\n{redhat}{ssh}{end}"
            ),
            Blocked,
        ),
        (
            format!(
                "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 22 -j REDIRECT --to-ports 2222\nCOMMIT\n{redhat}{ssh}{end}"
            ),
            Unknown,
        ),
        (out(""), Blocked),
        (out("-A OUTPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n"), Passes),
        (out("-A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -m conntrack --ctstate NEW,RELATED -j ACCEPT\n"), Blocked),
        (out("-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT\n"), Passes),
        (out("-A OUTPUT -p tcp -m tcp --sport 22 --dport 1024:65535 -j ACCEPT\n"), Passes),
        (out("-A OUTPUT -p tcp -m tcp --sport 22 --dport 40000:50000 -j ACCEPT\n"), Unknown),
        (out("-A OUTPUT -p tcp -m multiport --dports 22,53,80 -j ACCEPT\n"), Blocked),
        (out("-A OUTPUT -o eth0 -p tcp -m tcp --sport 22 -j ACCEPT\n"), Unknown),
        (out("-A OUTPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j ACCEPT\n"), Unknown),
        (out("-A OUTPUT -p tcp -m tcp --tcp-flags ACK ACK -j ACCEPT\n"), Passes),
        (
            "*mangle\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -p tcp -m tcp --sport 22 -j DROP\nCOMMIT\n".to_owned(),
            Blocked,
        ),
        (drop("-A INPUT -p tcp -m tcp --sport 1024:65535 --dport 22 -j ACCEPT\n"), Passes),
    ]
}

#[test]
fn iptables_rules_are_followed() {
    for (text, wanted) in iptables_rows() {
        let (passage, place) = iptables::judge(&text, "/r");
        assert_eq!(passage, wanted, "{text}{place}");
    }
    let (_, place) = iptables::judge(&format!("{DROP}COMMIT\n"), "/etc/sysconfig/iptables");
    assert_eq!(place, "/etc/sysconfig/iptables:2");
    let (_, place) = iptables::judge("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n", "/r");
    assert_eq!(place, "/r:3", "what drops the answers");
    for refused in [
        "-A INPUT -j DROP\n",
        &format!("{DROP}nonsense\nCOMMIT\n"),
        DROP,
        &format!("{DROP}-A INPUT -j NOWHERE\nCOMMIT\n"),
    ] {
        assert_eq!(iptables::judge(refused, "/r").0, Unknown, "{refused}");
    }
    let ring = format!("{DROP}:A - [0:0]\n-A INPUT -j A\n-A A -j A\nCOMMIT\n");
    assert_eq!(iptables::judge(&ring, "/r").0, Unknown);
}

const CHAIN: &str =
    "flush ruleset\ntable inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n";

fn nft_rows() -> Vec<(String, Passage)> {
    let drop = |rules: &str| format!("{CHAIN}{rules}\n\t}}\n}}\n");
    let out = |hook: &str, rules: &str| {
        format!("table inet f {{\n chain o {{\n type filter hook {hook} priority 0; policy drop;\n{rules}\n }}\n}}\n")
    };
    vec![
        (drop(""), Blocked),
        (drop("").replace("policy drop", "policy accept"), Open),
        (drop("ct state { established, related } accept\niif \"lo\" accept\ntcp dport { 22, 80, 443 } accept"), Passes),
        (drop("ct state vmap { established : accept, related : accept, invalid : drop }\ntcp dport ssh accept"), Passes),
        (drop("ct state new tcp dport 22 counter packets 0 bytes 0 accept comment \"ssh\""), Passes),
        (drop("tcp dport != 22 accept"), Blocked),
        (drop("tcp dport 1-1024 log prefix \"in: \" level info accept"), Passes),
        (drop("udp dport 22 accept\nip6 saddr ::/0 tcp dport 22 accept"), Blocked),
        (drop("ip saddr 10.0.0.0/8 tcp dport 22 accept"), Unknown),
        (drop("ip saddr { 10.0.0.1, 10.0.0.2 } tcp dport 22 accept"), Unknown),
        (drop("tcp dport 22 ct state new limit rate 10/minute accept"), Unknown),
        (drop("tcp dport vmap { 22 : accept, 23 : drop }"), Passes),
        (drop("meta l4proto tcp th dport 22 accept"), Passes),
        (drop("iifname != \"lo\" tcp dport 22 accept"), Passes),
        (drop("meta l4proto . th dport { tcp . 22, udp . 53 } accept"), Unknown),
        (drop("meta l4proto . th dport { tcp . 22, udp . 53 } drop").replace("policy drop", "policy accept"), Unknown),
        (drop("meta l4proto . th dport vmap { tcp . 22 : drop }").replace("policy drop", "policy accept"), Unknown),
        (format!("define ports = {{ 22, 80 }}\n{}", drop("tcp dport $ports accept")), Passes),
        ("table ip f {\n chain s {\n tcp dport 22 accept\n }\n chain input {\n type filter hook input priority filter; policy drop;\n jump s\n }\n}\n".to_owned(), Passes),
        ("table ip f {\n set a { type ipv4_addr\n elements = { 10.0.0.1 }\n }\n chain input { type filter hook input priority 0; policy accept; ip saddr @a drop; }\n}\n".to_owned(), Unknown),
        ("add table inet f\nadd chain inet f input { type filter hook input priority 0; policy drop; }\nadd rule inet f input tcp dport { 22 } accept\n".to_owned(), Passes),
        ("table ip6 f {\n chain input { type filter hook input priority 0; policy drop; }\n}\n".to_owned(), Open),
        ("table inet f {\n chain input { type filter hook input priority 0; policy accept; tcp dport 22 reject with tcp reset\n }\n}\n".to_owned(), Blocked),
        (out("output", ""), Blocked),
        (out("postrouting", ""), Blocked),
        (out("output", "ct state established,related accept"), Passes),
        (out("output", "ct state vmap { established : accept, invalid : drop }"), Passes),
        (out("output", "oifname \"lo\" accept\nct state new accept\ntcp dport 22 accept\niifname \"v0\" accept"), Blocked),
        (out("output", "iifname != \"lo\" accept"), Unknown),
        (out("output", "tcp sport { 22, 80 } accept"), Passes),
        (out("output", "tcp sport 22 tcp dport 1024-65535 accept"), Passes),
        (out("output", "oifname \"eth0\" accept"), Unknown),
        ("table ip n {\n chain o { type nat hook output priority -100; policy accept; tcp dport 80 redirect to :8080; }\n chain p { type nat hook postrouting priority 100; policy accept; oifname \"v0\" masquerade; }\n}\n".to_owned(), Open),
    ]
}

#[test]
fn nft_rule_sets_are_followed() {
    for (text, wanted) in nft_rows() {
        let tree = MemoryFs::of_texts(&[("/etc/nftables.conf", &text)]).tree();
        let (passage, place) = nft::judge(&tree, "/etc/nftables.conf").unwrap();
        assert_eq!(passage, wanted, "{text}{place}");
    }
    let tree = MemoryFs::of_texts(&[
        ("/etc/sysconfig/nftables.conf", "include \"/etc/nftables/*.nft\"\n"),
        ("/etc/nftables/main.nft", &format!("{CHAIN} }} }}\n")),
    ])
    .tree();
    assert_eq!(
        nft::judge(&tree, "/etc/sysconfig/nftables.conf").unwrap(),
        (Blocked, "/etc/nftables/main.nft:4".to_owned())
    );
    for refused in [
        "nonsense\n",
        "table inet f {\n chain input { type filter hook input priority 0; policy drop;\n",
        "include \"/a\"\n",
    ] {
        let tree = MemoryFs::of_texts(&[("/a", refused)]).tree();
        assert_eq!(nft::judge(&tree, "/a").unwrap().0, Unknown, "{refused}");
    }
}

/// Two network namespaces with a wire between them; in one of them a server listens on port 22 behind the rules of each
/// file, from the other somebody connects. Prints a word for each file.
const WIRE: &str = r#"
set -e
load=$1; shift
ip link set lo up
unshare -n sleep 600 & peer=$!
trap 'kill $peer $server' EXIT
until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add name v0 type veth peer name v1
ip link set v1 netns $peer
ip address add 192.0.2.1/24 dev v0; ip link set v0 up
nsenter -t $peer -n ip address add 192.0.2.2/24 dev v1
nsenter -t $peer -n ip link set v1 up
python3 -c 'import socket, time; s = socket.create_server(("192.0.2.1", 22)); time.sleep(600)' & server=$!
connects() { nsenter -t $peer -n timeout $1 bash -c 'exec 3<>/dev/tcp/192.0.2.1/22' 2>/dev/null; }
until connects 1; do sleep 0.05; done
for file; do
  nft flush ruleset
  $load "$file"
  if connects 0.5; then echo passes; else echo blocked; fi
done
"#;

/// What the kernel makes of a connection, where our answer is a definite one.
fn agree_with_the_kernel(load: &str, rows: &[(String, Passage)]) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["-n", "bash", "-c", WIRE, "wire", load]);
    for (at, (text, _)) in rows.iter().enumerate() {
        let file = dir.path().join(format!("{at:02}"));
        std::fs::write(&file, text).unwrap();
        command.arg(file);
    }
    let out = command.output().expect("unshare is needed (Debian: util-linux, iproute2, nftables, iptables, python3)");
    let words = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{words}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(words.lines().count(), rows.len());
    for (word, (text, wanted)) in words.lines().zip(rows) {
        match wanted {
            Open | Passes => assert_eq!(word, "passes", "{text}"),
            Blocked => assert_eq!(word, "blocked", "{text}"),
            Unknown => {}
        }
    }
}

#[test]
fn the_kernel_lets_the_same_connections_through() {
    agree_with_the_kernel("iptables-restore", &iptables_rows());
    agree_with_the_kernel("nft -f", &nft_rows());
}

/// Whatever is in the files: an answer, soon.
#[test]
fn mutated_rules_end() {
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let texts: Vec<String> = iptables_rows().into_iter().chain(nft_rows()).map(|(text, _)| text).collect();
    for _ in 0..3000 {
        let mut text = texts[next(texts.len())].clone().into_bytes();
        for _ in 0..=next(6) {
            let at = next(text.len());
            text[at] = b"{};\n\"! -*:A22\\$@,"[next(17)];
        }
        text.truncate(next(text.len()) + 1);
        let text = String::from_utf8_lossy(&text).into_owned();
        let _ = iptables::judge(&text, "/r");
        nft::judge(&MemoryFs::of_texts(&[("/r", &text)]).tree(), "/r").unwrap();
        firewalld::judge(&firewalld(&text.replace('{', "<").replace('}', "/>")).tree()).unwrap();
    }
    let deep: Vec<String> = (0..5000).map(|n| format!("-A c{n} -j c{}\n", n + 1)).collect();
    let deep = deep.concat();
    assert_eq!(iptables::judge(&format!("{DROP}-A INPUT -j c0\n{deep}COMMIT\n"), "/r").0, Unknown);
    let tree = MemoryFs::of_texts(&[("/r", &"table ip a { chain b { ".repeat(5000))]).tree();
    assert_eq!(nft::judge(&tree, "/r").unwrap().0, Unknown);
}

fn ufw(policy: &str, user: &str) -> MemoryFs {
    let before = "*filter\n:ufw-before-input - [0:0]\n:ufw-not-local - [0:0]\n-A ufw-before-input -i lo -j ACCEPT\n\
        -A ufw-before-input -m conntrack --ctstate INVALID -j DROP\n-A ufw-before-input -j ufw-not-local\n\
        -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN\n-A ufw-not-local -j DROP\nCOMMIT\n";
    MemoryFs::of_texts(&[
        ("/etc/ufw/ufw.conf", "ENABLED=yes\n"),
        ("/etc/default/ufw", &format!("# x\nDEFAULT_INPUT_POLICY=\"{policy}\"\n")),
        ("/etc/ufw/before.rules", before),
        (
            "/etc/ufw/after.rules",
            "*filter\n:ufw-after-input - [0:0]\n-A ufw-after-input -p udp --dport 137 -j ufw-skip-to-policy-input\nCOMMIT\n",
        ),
        ("/etc/ufw/user.rules", &format!("*filter\n:ufw-user-input - [0:0]\n{user}COMMIT\n")),
    ])
}

#[test]
fn ufw_s_own_chains_are_followed() {
    let judge = |fs: MemoryFs| ufw::judge(&fs.tree()).unwrap();
    assert_eq!(judge(ufw("DROP", "")), (Blocked, "/etc/default/ufw:2".to_owned()));
    assert_eq!(judge(ufw("DROP", "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n")).0, Passes);
    assert_eq!(judge(ufw("REJECT", "")).0, Blocked);
    assert_eq!(judge(ufw("ACCEPT", "")).0, Passes);
    assert_eq!(
        judge(ufw("ACCEPT", "-A ufw-user-input -p tcp --dport 22 -j DROP\n")),
        (Blocked, "/etc/ufw/user.rules:3".to_owned())
    );
    assert_eq!(judge(ufw("DROP", "-A ufw-user-input -p tcp --dport 22 -s 10.0.0.1 -j ACCEPT\n")).0, Unknown);
    let out = |before: &str| {
        let text = format!("*filter\n:ufw-before-input - [0:0]\n:ufw-before-output - [0:0]\n{before}COMMIT\n");
        ufw("ACCEPT", "")
            .file("/etc/default/ufw", "DEFAULT_INPUT_POLICY=\"ACCEPT\"\nDEFAULT_OUTPUT_POLICY=\"DROP\"\n")
            .file("/etc/ufw/before.rules", text)
    };
    assert_eq!(judge(out("")), (Blocked, "/etc/default/ufw:2".to_owned()), "the answers");
    assert_eq!(judge(out("-A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n")).0, Passes);
    assert!(ufw::is_on(&ufw("DROP", "").tree()).unwrap());
    assert!(!ufw::is_on(&ufw("DROP", "").file("/etc/ufw/ufw.conf", "# ENABLED=yes\nENABLED=no\n").tree()).unwrap());
    let Some(dir) = testarchive("linux-config/debian-sid-ufw-config.tar.xz") else { return };
    let files = MemoryFs::read_from(&dir.path().join("usr/share/ufw/iptables")).tree();
    let rules = |name: &str| files.read_text(&format!("/{name}.rules"), 1 << 20).unwrap();
    let shipped = ["before", "after", "user"]
        .iter()
        .fold(ufw("DROP", ""), |fs, name| fs.file(&format!("/etc/ufw/{name}.rules"), rules(name)));
    assert_eq!(judge(shipped).0, Blocked, "as Debian ships it, nothing is let in");
}

fn firewalld(zone: &str) -> MemoryFs {
    MemoryFs::of_texts(&[
        ("/etc/firewalld/firewalld.conf", "# x\nDefaultZone=public\n"),
        ("/usr/lib/firewalld/zones/public.xml", zone),
        (
            "/usr/lib/firewalld/services/ssh.xml",
            "<?xml version=\"1.0\"?>\n<service>\n <port protocol=\"tcp\" port=\"22\"/>\n</service>\n",
        ),
        ("/usr/lib/firewalld/services/http.xml", "<service><port protocol=\"tcp\" port=\"80\"/></service>"),
    ])
}

#[test]
fn firewalld_lets_in_what_its_zone_names() {
    let judge = |fs: &MemoryFs| firewalld::judge(&fs.clone().tree()).unwrap();
    let zone =
        |inner: &str| firewalld(&format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone>\n{inner}\n</zone>\n"));
    for (inner, wanted) in [
        ("<service name=\"ssh\"/><service name=\"http\"/>", Passes),
        ("<service name=\"http\"/>", Blocked),
        ("<port port=\"20-30\" protocol=\"tcp\"/>", Passes),
        ("<port port=\"22\" protocol=\"udp\"/>", Blocked),
        ("<service name=\"own\"/>", Unknown),
        ("<rule family=\"ipv4\"><source address=\"10.0.0.0/8\"/><service name=\"ssh\"/><accept/></rule>", Unknown),
        ("<service name=\"ssh\"/><rule><port port=\"80\" protocol=\"tcp\"/><drop/></rule>", Passes),
        ("<service name=\"ssh\"/><rule><source address=\"0.0.0.0/0\"/><drop/></rule>", Unknown),
        ("<service name=\"ssh\"/><forward-port port=\"22\" protocol=\"tcp\" to-port=\"2222\"/>", Unknown),
        ("<service", Unknown),
    ] {
        assert_eq!(judge(&zone(inner)).0, wanted, "{inner}");
    }
    assert_eq!(judge(&firewalld("<zone target=\"ACCEPT\"></zone>")).0, Passes);
    assert_eq!(judge(&firewalld("<zone target=\"DROP\"/>")).0, Blocked);
    let ssh = zone("<service name=\"ssh\"/>");
    let over = ssh.clone().file("/etc/firewalld/zones/public.xml", "<zone/>");
    assert_eq!(judge(&over), (Blocked, "/etc/firewalld/zones/public.xml".to_owned()));
    let moved = ssh
        .clone()
        .file("/etc/firewalld/services/ssh.xml", "<service><port port=\"2222\" protocol=\"tcp\"/></service>");
    assert_eq!(judge(&moved).0, Blocked);
    let direct = ssh.clone().file("/etc/firewalld/direct.xml", "<direct><rule ipv=\"ipv4\">x</rule></direct>");
    assert_eq!(judge(&direct).0, Unknown);
    let bound =
        ssh.clone().file("/etc/firewalld/zones/drop.xml", "<zone target=\"DROP\"><interface name=\"eth0\"/></zone>");
    assert_eq!(judge(&bound).0, Unknown);
    let named = ssh
        .file("/etc/sysconfig/network-scripts/ifcfg-eth0", "ZONE=block\n")
        .file("/usr/lib/firewalld/zones/block.xml", "<zone target=\"%%REJECT%%\"/>");
    assert_eq!(judge(&named).0, Unknown);
}

#[test]
fn susefirewall2_lets_in_what_its_external_zone_names() {
    let judge = |text: &str| {
        let tree = MemoryFs::of_texts(&[
            ("/etc/sysconfig/SuSEfirewall2", text),
            ("/etc/sysconfig/SuSEfirewall2.d/services/sshd", "## Name: x\nTCP=\"ssh\"\n"),
        ]);
        suse::judge(&tree.tree()).unwrap().0
    };
    assert_eq!(judge("FW_DEV_EXT=\"any\"\nFW_SERVICES_EXT_TCP=\"22 80\"\n"), Passes);
    assert_eq!(judge("FW_SERVICES_EXT_TCP=\"\"\nFW_CONFIGURATIONS_EXT=\"sshd\"\n"), Passes);
    assert_eq!(judge("FW_DEV_EXT=\"any\"\nFW_SERVICES_EXT_TCP=\"80:90\"\n"), Blocked);
    assert_eq!(judge("FW_DEV_INT=\"eth0\"\nFW_SERVICES_EXT_TCP=\"80\"\n"), Unknown);
    assert_eq!(judge(""), Unknown);
}

#[test]
fn only_those_that_start_are_told() {
    let dir = "/usr/lib/systemd/system";
    let base = || {
        MemoryFs::new()
            .file(&format!("{dir}/multi-user.target"), "[Unit]\n")
            .link(&format!("{dir}/default.target"), "multi-user.target")
            .file(&format!("{dir}/ufw.service"), "[Service]\n")
            .file(&format!("{dir}/nftables.service"), "[Service]\n")
            .file("/etc/nftables.conf", format!("{CHAIN} }} }}\n"))
    };
    let on = |fs: MemoryFs, unit: &str| fs.link(&format!("/etc/systemd/system/multi-user.target.wants/{unit}"), "x");
    let found = |fs: MemoryFs| {
        let tree = fs.tree();
        let list = read(&tree, &Services::open(&tree, None).unwrap()).unwrap();
        list.iter().map(|f| format!("{} {:?} {}", f.name, f.ssh, f.place)).collect::<Vec<_>>()
    };
    assert!(found(base()).is_empty());
    assert!(found(on(base(), "ufw.service").file("/etc/ufw/ufw.conf", "ENABLED=no\n")).is_empty());
    assert_eq!(found(on(base(), "nftables.service")), ["nftables Blocked /etc/nftables.conf:4"]);
    let masked = on(base(), "nftables.service").link("/etc/systemd/system/nftables.service", "/dev/null");
    assert!(found(masked).is_empty());
    let unknown = MemoryFs::new();
    assert_eq!(found(unknown).len(), 1, "which init it is, is not known: said once");
}

/// Debian's services, a unit of one's own and a hook, with rules where nobody looks first.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn rules_are_followed_wherever_they_are_loaded_from() {
    let dir = "/usr/lib/systemd/system";
    let base = || {
        MemoryFs::new()
            .file(&format!("{dir}/multi-user.target"), "[Unit]\n")
            .link(&format!("{dir}/default.target"), "multi-user.target")
            .file("/etc/my.nft", format!("{CHAIN} }} }}\n"))
            .file("/etc/my.rules", format!("{DROP}COMMIT\n"))
            .file("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n")
    };
    let unit = |fs: MemoryFs, at: &str, name: &str, exec: &str| {
        fs.file(&format!("{at}/{name}"), format!("[Service]\nType=oneshot\nExecStart={exec}\n"))
            .link(&format!("/etc/systemd/system/multi-user.target.wants/{name}"), "x")
    };
    let program = |fs: MemoryFs, path: &str, text: &str| fs.file(path, text).stat_of(path, |stat| stat.mode = 0o755);
    let found = |fs: MemoryFs| {
        let tree = fs.tree();
        let list = read(&tree, &Services::open(&tree, None).unwrap()).unwrap();
        let one = |f: &Firewall| {
            format!(
                "{} {:?} {:?} {} {}{}",
                f.name,
                f.starts.when,
                f.ssh,
                f.starts.by,
                f.place,
                if f.ipv6 { " v6" } else { "" }
            )
        };
        list.iter().map(one).collect::<Vec<_>>()
    };
    let wants = "/etc/systemd/system/multi-user.target.wants";
    let nft = |exec: &str| found(unit(base(), dir, "nftables.service", exec));
    assert_eq!(
        nft("/usr/sbin/nft -f /etc/my.nft"),
        [format!("nftables Boot Blocked {wants}/nftables.service /etc/my.nft:4")]
    );
    assert_eq!(nft("/usr/sbin/nft -f /etc/nftables.conf"), [format!("nftables Boot Open {wants}/nftables.service ")]);
    assert_eq!(
        nft("/root/filter.sh"),
        [format!("nftables Boot Unknown {wants}/nftables.service {dir}/nftables.service:3")]
    );
    let v6 = base()
        .file("/etc/my.nft", "table ip6 f {\n chain i {\n type filter hook input priority 0; policy drop;\n }\n}\n");
    assert_eq!(
        found(unit(v6, dir, "nftables.service", "/usr/sbin/nft -f /etc/my.nft")),
        [format!("nftables Boot Unknown {wants}/nftables.service /etc/my.nft:3 v6")]
    );
    let iptables = |exec: &str| found(unit(base(), dir, "iptables.service", exec));
    assert_eq!(
        iptables("/usr/bin/iptables-restore /etc/my.rules"),
        [format!("iptables Boot Blocked {wants}/iptables.service /etc/my.rules:2")]
    );
    assert_eq!(
        iptables("/usr/libexec/iptables/iptables.init start"),
        [format!("iptables Boot Open {wants}/iptables.service ")]
    );
    let persistent = unit(base(), dir, "netfilter-persistent.service", "/usr/sbin/netfilter-persistent start")
        .file("/etc/iptables/rules.v6", format!("{DROP}COMMIT\n"));
    assert_eq!(
        found(persistent),
        [format!("netfilter-persistent Boot Blocked {wants}/netfilter-persistent.service /etc/iptables/rules.v6:2 v6")]
    );
    let own = |exec: &str| found(unit(base(), "/etc/systemd/system", "my.service", exec));
    let by = "/etc/systemd/system/my.service";
    assert_eq!(
        own("/bin/sh -c 'iptables-restore < /etc/my.rules'"),
        [format!("iptables-restore Boot Blocked {by} /etc/my.rules:2")]
    );
    assert_eq!(own("nft -f /etc/nftables.conf"), [""; 0], "it filters nothing");
    assert_eq!(own("iptables-restore /etc/none"), [""; 0], "nothing is loaded");
    let networking = || unit(base(), dir, "networking.service", "/sbin/ifup -a").file("/sbin/ifup", "");
    let hook = |text: &str| found(program(networking(), "/etc/network/if-pre-up.d/iptables", text));
    let by = "/etc/network/if-pre-up.d/iptables:2";
    assert_eq!(
        hook("#!/bin/sh\niptables-restore </etc/my.rules\n"),
        [format!("iptables-restore Boot Blocked {by} /etc/my.rules:2")]
    );
    assert_eq!(hook("#!/bin/sh\n/sbin/iptables -P INPUT DROP\n"), [format!("iptables Boot Unknown {by} {by}")]);
    assert_eq!(
        hook("#!/bin/sh\n  ip6tables-restore /etc/my.rules\n"),
        [format!("ip6tables-restore Unknown Blocked {by}: whether that line is run is not known /etc/my.rules:2 v6")]
    );
    for text in [
        "#!/bin/sh\n# iptables-restore </etc/my.rules\n",
        "#!/bin/sh\nexit 0\niptables-restore </etc/my.rules\n",
        "#!/bin/sh\niptables -t nat -A POSTROUTING -j MASQUERADE\n",
    ] {
        assert_eq!(hook(text), [""; 0], "{text}");
    }
    let no_program =
        networking().file("/etc/network/if-pre-up.d/iptables", "#!/bin/sh\niptables-restore </etc/my.rules\n");
    assert_eq!(found(no_program), [""; 0]);
    let line = networking().file(
        "/etc/network/interfaces",
        "iface eth0 inet dhcp\n  pre-up iptables-restore < /etc/my.rules\n  down iptables -P INPUT DROP\n",
    );
    assert_eq!(found(line), ["iptables-restore Boot Blocked /etc/network/interfaces:2 /etc/my.rules:2"]);
    let local = program(base(), "/etc/rc.local", "#!/bin/sh\nnft -f /etc/my.nft\nexit 0\n");
    assert_eq!(found(local.clone()), [""; 0], "nothing runs it");
    let generator = local.file("/usr/lib/systemd/system-generators/systemd-rc-local-generator", "");
    assert_eq!(found(generator), ["nft Boot Blocked /etc/rc.local:2 /etc/my.nft:4"]);
}

#[test]
fn freebsd_says_it_in_rc_conf() {
    let found = |text: &str| freebsd(&RcConf::read(&MemoryFs::of_texts(&[("/etc/rc.conf", text)]).tree()).unwrap());
    assert!(found("firewall_enable=NO\n").is_empty());
    let open = found("firewall_enable=YES\nfirewall_type=\"open\"\npf_enable=\"YES\"\n");
    let told: Vec<_> = open.iter().map(|f| (f.name.as_str(), f.ssh)).collect();
    assert_eq!(told, [("ipfw", Open), ("pf", Unknown)]);
}
