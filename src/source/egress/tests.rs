use super::*;

fn policy(allow: &[&str], deny: &[&str]) -> Egress {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Egress::new(&EgressArgs { allow: own(allow), deny: own(deny), allow_insecure_endpoints: false }).unwrap()
}

fn passes(policy: &Egress, host: &str, ip: &str) -> bool {
    policy.check(host, ip.parse().unwrap()).is_ok()
}

#[test]
fn the_internet_and_private_networks_are_dialled_by_default() {
    let policy = policy(&[], &[]);
    for ip in ["1.1.1.1", "2606:4700::1111", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"] {
        assert!(passes(&policy, "store", ip), "{ip}");
    }
}

#[test]
fn addresses_that_are_never_a_store() {
    let everything = policy(&["0.0.0.0/0", "::/0"], &[]);
    for policy in [policy(&[], &[]), everything] {
        let never = [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
            "169.254.1.1",
            "2001::1",
            "64:ff9b:1::7f00:1",
            "fec0::1",
        ];
        for ip in never {
            assert!(!passes(&policy, "store", ip), "{ip}");
        }
    }
}

#[test]
fn metadata_is_never_dialled_in_any_form() {
    let policies = [policy(&["0.0.0.0/0", "::/0"], &[]), Egress::own_machine()];
    for policy in policies {
        for ip in METADATA {
            assert!(policy.check("x.myqcloud.com", *ip).is_err(), "{ip}");
            let IpAddr::V4(ip) = ip else { continue };
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for form in [
                format!("::ffff:{ip}"),
                format!("::{ip}"),
                format!("64:ff9b::{high:x}:{low:x}"),
                format!("2002:{high:x}:{low:x}::1"),
            ] {
                assert!(!passes(&policy, "x.myqcloud.com", &form), "{form}");
            }
        }
    }
}

#[test]
fn loopback_in_disguise_is_loopback() {
    let policy = policy(&[], &[]);
    for form in ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"] {
        assert!(!passes(&policy, "store", form), "{form}");
    }
}

#[test]
fn a_denied_network_wins() {
    let policy = policy(&["10.0.0.0/8"], &["10.96.0.1/32", "8.8.8.0/24"]);
    assert!(passes(&policy, "store", "10.96.0.2"));
    assert!(!passes(&policy, "store", "10.96.0.1"));
    assert!(!passes(&policy, "store", "::ffff:10.96.0.1"));
    assert!(!passes(&policy, "store", "8.8.8.8"));
}

#[test]
fn a_list_of_allowed_networks_replaces_the_default() {
    let policy = policy(&["10.1.0.0/16"], &[]);
    assert!(passes(&policy, "store", "10.1.2.3"));
    assert!(!passes(&policy, "store", "10.2.2.3"));
    assert!(!passes(&policy, "store", "192.168.1.1"));
    assert!(passes(&policy, "store", "1.1.1.1"));
}

#[test]
fn loopback_opens_only_by_name() {
    assert!(passes(&policy(&["127.0.0.1/32"], &[]), "store", "127.0.0.1"));
    assert!(!passes(&policy(&["127.0.0.1/32"], &[]), "store", "127.0.0.2"));
    assert!(passes(&Egress::own_machine(), "localhost", "::1"));
}

#[test]
fn tencents_store_may_be_link_local() {
    let policy = policy(&[], &[]);
    assert!(passes(&policy, "acme.cos.ap-guangzhou.myqcloud.com", "169.254.0.47"));
    assert!(passes(&policy, "acme.cos.ap-guangzhou.MyQcloud.com.", "169.254.0.47"));
    assert!(!passes(&policy, "evilmyqcloud.com", "169.254.0.47"));
    assert!(!passes(&policy, "acme.cos.ap-guangzhou.myqcloud.com", "169.254.169.254"));
}

#[test]
fn what_is_no_network_is_named() {
    let args = EgressArgs { allow: vec!["10.0.0.0/40".into()], ..EgressArgs::default() };
    assert!(Egress::new(&args).unwrap_err().what.contains("--egress-allow: 10.0.0.0/40"));
}

#[test]
fn a_refusal_names_host_address_and_reason() {
    let denied = policy(&[], &[]).check("meta.example", "169.254.169.254".parse().unwrap()).unwrap_err();
    assert_eq!(denied.to_string(), "meta.example is 169.254.169.254, a metadata address, which is not dialled");
}
