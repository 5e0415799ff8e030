use super::*;

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, CredentialSource) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let source = CredentialSource::Folder(folder.path().to_owned());
    (folder, source)
}

fn keys(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials::Keys {
        access_key_id: id.into(),
        secret_access_key: Secret(secret.into()),
        session_token: token.map(|t| Secret(t.into())),
    }
}

#[test]
fn white_space_around_a_key_is_no_part_of_it() {
    let (_folder, source) =
        folder(&[("accessKeyID", " AK\n"), ("secretAccessKey", "\tsk\r\n"), ("sessionToken", "\n")]);
    assert_eq!(source.load().unwrap(), keys("AK", "sk", None));
}

#[test]
fn a_missing_key_is_named() {
    let (_folder, source) = folder(&[("accessKeyID", "AK")]);
    assert_eq!(source.load().unwrap_err().what, "the Secret has no key secretAccessKey, or it is empty");
    let (_folder, source) = folder(&[("accessKeyID", " \n"), ("secretAccessKey", "sk")]);
    assert!(source.load().unwrap_err().what.contains("accessKeyID"));
}

#[test]
fn a_value_of_several_lines_would_break_a_header() {
    let (_folder, source) = folder(&[("accessKeyID", "AK\nX: y"), ("secretAccessKey", "sk")]);
    assert!(source.load().unwrap_err().what.contains("accessKeyID holds more than one line"));
    let environment = |token: &'static str| {
        CredentialSource::from_env(move |name| Some(if name == "AWS_SESSION_TOKEN" { token } else { "x" }.to_owned()))
    };
    for token in ["a\r\nX: y", "größe"] {
        assert!(environment(token).unwrap_err().what.contains("AWS_SESSION_TOKEN holds"));
    }
    environment(" token\n").unwrap();
}

#[test]
fn secrets_are_not_printed() {
    let (_folder, source) =
        folder(&[("accessKeyID", "AK"), ("secretAccessKey", "topsecret"), ("sessionToken", "token!")]);
    let keyring = Keyring::new(&source).unwrap();
    let fixed = CredentialSource::Fixed(source.load().unwrap());
    let printed = format!("{keyring:?} {fixed:?} {:?}", source.load());
    assert!(!printed.contains("topsecret") && !printed.contains("token!"), "{printed}");
}

#[test]
fn a_rotated_secret_is_noticed() {
    let (folder, source) = folder(&[("accessKeyID", "AK"), ("secretAccessKey", "old")]);
    let keyring = Keyring::new(&source).unwrap();
    assert!(!keyring.refresh());
    std::fs::write(folder.path().join("secretAccessKey"), "new").unwrap();
    assert!(keyring.refresh());
    assert!(!keyring.refresh());
}

#[test]
fn the_environment_gives_a_pair_or_nothing() {
    let env = |pairs: &'static [(&str, &str)]| {
        CredentialSource::from_env(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    };
    assert_eq!(env(&[]).unwrap(), CredentialSource::Anonymous);
    let found = env(&[("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "sk"), ("AWS_SESSION_TOKEN", "t")]);
    assert_eq!(found.unwrap(), CredentialSource::Fixed(keys("AK", "sk", Some("t"))));
    assert!(env(&[("AWS_ACCESS_KEY_ID", "AK")]).unwrap_err().what.contains("AWS_SECRET_ACCESS_KEY is not set"));
}
