//! Files as programs write them, and rules that are put before others.

use super::*;

/// `user.rules` as ufw 0.36 writes it after any command, with its log lines.
#[test]
fn what_ufw_itself_writes_is_read() {
    let log = "-m limit --limit 3/min --limit-burst 10";
    let written = |policy: &str, rules: &str| {
        ufw::judge(
            &ufw(
                policy,
                &format!(
                    ":ufw-user-output - [0:0]\n:ufw-after-logging-input - [0:0]\n:ufw-logging-deny - [0:0]\n\
                 :ufw-logging-allow - [0:0]\n:ufw-user-limit - [0:0]\n:ufw-user-limit-accept - [0:0]\n\
                 ### RULES ###\n\n{rules}\n### END RULES ###\n\n### LOGGING ###\n\
                 -A ufw-after-logging-input -j LOG --log-prefix \"[UFW BLOCK] \" {log}\n\
                 -I ufw-logging-deny -m conntrack --ctstate INVALID -j RETURN {log}\n\
                 -A ufw-logging-deny -j LOG --log-prefix \"[UFW BLOCK] \" {log}\n\
                 ### END LOGGING ###\n\n### RATE LIMITING ###\n\
                 -A ufw-user-limit -m limit --limit 3/minute -j LOG --log-prefix \"[UFW LIMIT BLOCK] \"\n\
                 -A ufw-user-limit -j REJECT\n-A ufw-user-limit-accept -j ACCEPT\n### END RATE LIMITING ###\n"
                ),
            )
            .tree(),
        )
        .unwrap()
        .0
    };
    let limit = |update: &str| {
        let new = "-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent";
        format!(
            "{new} --set\n{new} {update} -j ufw-user-limit\n-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept\n"
        )
    };
    assert_eq!(written("DROP", ""), Blocked);
    assert_eq!(written("ACCEPT", ""), Passes);
    assert_eq!(written("DROP", "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n"), Passes);
    assert_eq!(written("ACCEPT", "-A ufw-user-input -p tcp --dport 22 -j DROP\n"), Blocked);
    assert_eq!(
        written("DROP", "-A ufw-user-input -p tcp --dport 22 -m comment --comment 'dapp_OpenSSH' -j ACCEPT\n"),
        Passes
    );
    assert_eq!(written("DROP", &limit("--update --seconds 30 --hitcount 6")), Passes, "a first connection");
    assert_eq!(written("DROP", &limit("--update --seconds 30 --hitcount 1")), Unknown);
    assert_eq!(written("DROP", &limit("! --update --seconds 30 --hitcount 6")), Unknown);
}

#[test]
fn a_rule_is_put_where_its_number_says() {
    let judge = |rules: &str| {
        iptables::judge(&format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -j ACCEPT\n{rules}COMMIT\n"), "f").0
    };
    assert_eq!(judge("-A INPUT -j DROP\n-I INPUT -p tcp --dport 22 -j ACCEPT\n"), Passes);
    assert_eq!(judge("-A INPUT -j DROP\n-I INPUT 2 -p tcp --dport 22 -j ACCEPT\n"), Passes);
    assert_eq!(judge("-A INPUT -j DROP\n-I INPUT 3 -p tcp --dport 22 -j ACCEPT\n"), Blocked);
    assert_eq!(judge("-A INPUT -j DROP\n-I INPUT 4 -p tcp --dport 22 -j ACCEPT\n"), Unknown, "no such place");
    assert_eq!(judge("-I INPUT 0 -j ACCEPT\n"), Unknown);
}
