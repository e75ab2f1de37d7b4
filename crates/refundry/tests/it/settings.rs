//! What `config check` says before a server is started.

use crate::server::refundry;

/// What the binary says of a configuration file, and whether it is content.
fn checked(text: &str, flags: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refundry.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = refundry();
    command.args(["config", "check", "--config"]).arg(&file).args(flags);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "it leaves nothing behind");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn a_configuration_is_read_to_its_last_key() {
    let (content, said) = checked("[dialects.banked]\nrefund_ttl = 60\n[dialects.native]\n", &["--sandbox"]);
    assert!(content, "{said}");
    for (text, named) in [
        ("[dialects.banked]\nrefund_ttl = 0\n", "banked.refund_ttl"),
        ("[dialects.banked]\ncolour = 1\n", "colour"),
        ("[dialects.native]\nrefund_days = \"many\"\n", "native"),
        ("[dialects.nobody]\n", "nobody"),
        ("[webhooks]\nallow_ranges = [\"all\"]\n", "allow_ranges"),
        ("metrics_listen = \"everywhere\"\n", "metrics_listen"),
        ("listen = \"here\"\n", "listen"),
        ("[http]\nbody_limit = 100\n", "http.body_limit"),
        ("[http]\nbody_limit = 1000000000\n", "http.body_limit"),
        ("[dialects.truelayer]\nrefund_overdue_after = 0\n", "truelayer.refund_overdue_after"),
        ("[dialects.truelayer]\njku = \"here\"\n", "truelayer.jku"),
        ("[dialects.truelayer.sandbox]\nexecute_delay_ms = 9999999\n", "truelayer.sandbox.execute_delay_ms"),
        ("[mock_bank]\nspeed = 1\n", "speed"),
    ] {
        let (content, said) = checked(text, &["--sandbox"]);
        assert!(!content && said.contains(named), "{text}: {said}");
    }
    let (content, said) = checked("[dialects.native]\ncolour = 1\n", &[]);
    assert!(!content && said.contains("colour"), "live settings are read, too: {said}");
}
