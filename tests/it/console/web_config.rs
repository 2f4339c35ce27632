//! A web configuration: TLS and passwords.

use super::*;

/// A certificate for localhost, its key, and a web configuration with the user `duty`.
fn web_config(folder: &Path) -> PathBuf {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]);
    assert_eq!(run(command).status, Some(0));
    let hash = bcrypt::hash("s3cret", 4).unwrap();
    let path = folder.join("web.yml");
    let text = format!(
        "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  min_version: TLS13\n\
         basic_auth_users:\n  duty: {hash}\n"
    );
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_web_configuration_asks_for_tls_and_a_password() {
    let test = "a_web_configuration_asks_for_tls_and_a_password";
    if !has_commands(test, &["openssl", "curl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let web = web_config(folder.path());
    let capture = office_week(folder.path());
    let options = ["--web-config", web.to_str().unwrap()];
    let console = Console::over(folder, &capture, "", &options);
    let certificate = console.folder.path().join("cert.pem");
    let url = format!("https://localhost:{}/api/v1/status", console.address.port());
    let curl = |more: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sS", "-o", "-", "-w", " %{http_code}", "--cacert"]);
        command.arg(&certificate).args(more).arg(&url);
        run(command)
    };
    let refused = curl(&[]).stdout;
    assert!(refused.ends_with(" 401"), "{refused}");
    assert!(curl(&["-u", "duty:wrong"]).stdout.ends_with(" 401"));
    assert!(curl(&["-u", "nobody:s3cret"]).stdout.ends_with(" 401"));
    for _ in 0..3 {
        let granted = curl(&["-u", "duty:s3cret"]).stdout;
        assert!(
            granted.ends_with(" 200") && granted.contains("\"mode\":\"replay\""),
            "{granted}"
        );
    }
    let plain = console.get("/api/v1/status");
    assert_eq!(plain.status, 0, "no TLS, no answer: {plain:?}");
    console.stop();
}
