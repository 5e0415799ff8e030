//! Values that sshd does not take, by the program of this machine.

use super::*;

/// Every keyword with values of its own, with each of [`PLAIN`].
const KEYWORDS: &str = "acceptenv addressfamily allowagentforwarding allowgroups allowstreamlocalforwarding \
    allowtcpforwarding allowusers authenticationmethods authorizedkeyscommand authorizedkeyscommanduser authorizedkeysfile \
    authorizedprincipalscommand authorizedprincipalscommanduser authorizedprincipalsfile banner casignaturealgorithms \
    challengeresponseauthentication channeltimeout chrootdirectory ciphers clientalivecountmax clientaliveinterval \
    compression debianbanner denygroups denyusers disableforwarding dsaauthentication exposeauthinfo fingerprinthash \
    forcecommand gatewayports gssapiauthentication gssapicleanupcredentials gssapikexalgorithms gssapikeyexchange \
    gssapistorecredentialsonrekey gssapistrictacceptorcheck hostbasedacceptedalgorithms hostbasedacceptedkeytypes \
    hostbasedauthentication hostbasedusesnamefrompacketonly hostkeyalgorithms ignorerhosts ignoreuserknownhosts include \
    ipqos kbdinteractiveauthentication kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd \
    kerberosticketcleanup keyregenerationinterval kexalgorithms listenaddress logingracetime loglevel logverbose macs match \
    maxauthtries maxsessions maxstartups modulifile passwordauthentication permitemptypasswords permitlisten permitopen \
    permitrootlogin permittty permittunnel permituserenvironment permituserrc persourcemaxstartups persourcenetblocksize \
    pidfile port printlastlog printmotd protocol pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication \
    pubkeyauthoptions rdomain rekeylimit requiredrsasize revokedkeys rsaauthentication securitykeyprovider setenv \
    skeyauthentication streamlocalbindmask streamlocalbindunlink strictmodes subsystem syslogfacility tcpkeepalive \
    trustedusercakeys unusedconnectiontimeout usedns uselogin usepam useprivilegeseparation versionaddendum \
    x11displayoffset x11forwarding x11uselocalhost xauthlocation";
const PLAIN: &[&str] = &["", "\"\"", "yes", "ja", "none", "1", "/a /b"];

/// Lines of which it is not left open whether sshd takes them: those that it takes, and after that those that it does not.
const TAKEN: &[&str] = &[
    "AuthorizedKeysCommand NONE",
    "AuthorizedKeysCommand /a b\nAuthorizedKeysCommandUser x",
    "AuthorizedPrincipalsCommand /a\nAuthorizedPrincipalsCommandUser x",
    "AuthenticationMethods publickey,keyboard-interactive:pam password",
    "IPQoS AF11 0x10",
    "IPQoS lowdelay throughput",
    "IPQoS 010",
    "RekeyLimit default none",
    "RekeyLimit +1G 1h",
    "RekeyLimit 16",
    "RekeyLimit 0",
    "RequiredRSASize 2048",
    "PermitListen 80 localhost:* *:ssh",
    "PermitListen none",
    "PermitOpen a:80 [::1]:* *:22",
    "StreamLocalBindMask 0177",
    "StreamLocalBindMask 0179",
    "SetEnv a=b c=\"d e\"",
    "AcceptEnv LANG LC_*",
    "FingerprintHash MD5",
    "PermitTunnel point-to-point",
    "AllowTcpForwarding LOCAL",
    "IgnoreRhosts shosts-only",
    "PerSourceMaxStartups none",
    "PerSourceNetBlockSize 32:128",
    "UnusedConnectionTimeout 5m",
    "ChannelTimeout session=5m x11*=0",
    "PubkeyAuthOptions touch-required verify-required",
    "AllowUsers a b@10.0.0.0/8 c@2001:db8::/32 *@host",
    "UsePAM no\nPrintLastLog YES\nGSSAPIAuthentication no",
    "GSSAPIKexAlgorithms gss-group14-sha256-",
    "VersionAddendum a b",
    "MaxStartups 10:30:100x",
    "ForceCommand \"\"",
];
const REFUSED: &[&str] = &[
    "PermitTTY maybe",
    "AllowTcpForwarding nope",
    "DisableForwarding maybe",
    "PermitOpen",
    "ForceCommand",
    "ListenAddress 0.0.0.0 foo",
    "ListenAddress 0.0.0.0 rdomain lo x",
    "AuthenticationMethods foo",
    "AuthenticationMethods any publickey",
    "AuthenticationMethods publickey,",
    "Match User x\nAuthenticationMethods foo",
    "IPQoS bogus",
    "IPQoS 256",
    "IPQoS ef ef ef",
    "RekeyLimit 1Q",
    "RekeyLimit 1GB",
    "RekeyLimit 15",
    "RekeyLimit 1G foo",
    "RekeyLimit 1G none x",
    "RequiredRSASize 4096x",
    "PermitListen 99999999",
    "PermitListen any 80",
    "PermitOpen a",
    "StreamLocalBindMask 9",
    "StreamLocalBindMask 1000",
    "SetEnv foo",
    "SetEnv =b",
    "AuthorizedKeysCommand foo",
    "AuthorizedPrincipalsCommand foo",
    "FingerprintHash foo",
    "Ciphers none",
    "MACs any",
    "UseDNS yes no",
    "CASignatureAlgorithms ssh-ed25519 x",
    "PerSourceNetBlockSize 33",
    "ChannelTimeout session=x",
    "ChannelTimeout none none",
];
/// Lines that it refuses, and that other releases or programs take.
const LEFT_OPEN: &[&str] = &[
    "UsePAM ja",
    "PrintLastLog ja",
    "GSSAPIAuthentication maybe",
    "AllowUsers",
    "AuthorizedKeysFile",
    "ListenAddress 0.0.0.0 rdomain foo",
    "AuthorizedKeysCommand /a",
    "AuthorizedPrincipalsCommand /a\nMatch User x\nAuthorizedPrincipalsCommandUser x",
    "AuthorizedKeysCommand \"/a\"\nAuthorizedKeysCommandUser x",
    "AuthorizedKeysCommand none\nAuthorizedKeysCommand foo",
    "Match User x\nAuthorizedKeysCommand foo",
    "AcceptEnv a=b",
    "AllowUsers a@10.0.0.1/8",
    "PermitListen host:foo",
    "MaxStartups 0",
    "TrustedUserCAKeys /a /b",
    "RDomain none",
];

/// Whether the program of this machine takes a configuration, and what is found of it.
struct Both {
    dir: tempfile::TempDir,
    program: Vec<u8>,
}

impl Both {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key).status();
        assert!(made.expect("ssh-keygen is needed (Debian: openssh-client)").success());
        std::fs::create_dir_all("/run/sshd").unwrap();
        Self { dir, program: std::fs::read(SSHD).expect("sshd is needed (Debian: openssh-server)") }
    }

    fn of(&self, text: &str) -> (bool, Ssh) {
        let (file, key) = (self.dir.path().join("sshd_config"), self.dir.path().join("key"));
        std::fs::write(&file, text).unwrap();
        let theirs = Command::new(SSHD).arg("-t").arg("-f").arg(file).arg("-h").arg(key).output().unwrap();
        let ours = debian(text).file(SSHD, &self.program).stat_of(SSHD, |stat| stat.mode = 0o755);
        (theirs.status.success(), found(&ours))
    }
}

/// Nothing is refused that it takes, and nothing taken that it refuses.
#[test]
fn every_keyword_s_values_are_taken_or_not_as_sshd_does() {
    let both = Both::new();
    let mut others = Vec::new();
    for keyword in KEYWORDS.split_whitespace() {
        for value in PLAIN {
            let (starts, ours) = both.of(&format!("{keyword} {value}\n"));
            let fits = if starts { ours.refused.is_none() } else { ours.refused.is_some() || ours.undecided.is_some() };
            if !fits {
                others.push(format!("{keyword} {value}: {starts}, {:?} {:?}", ours.refused, ours.undecided));
            }
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn what_a_value_s_form_tells_is_told() {
    let both = Both::new();
    let rows = [(TAKEN, true), (REFUSED, false), (LEFT_OPEN, false)];
    let mut others = Vec::new();
    for (lines, starts) in rows {
        for line in lines {
            let (theirs, ours) = both.of(&format!("{line}\n"));
            assert_eq!(theirs, starts, "{line}");
            let left_open = std::ptr::eq(lines, LEFT_OPEN);
            let refused = !starts && !left_open;
            let fits = ours.refused.is_some() == refused && (refused || ours.undecided.is_some() == left_open);
            if !fits {
                others.push(format!("{line}: {:?} {:?}", ours.refused, ours.undecided));
            }
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}
