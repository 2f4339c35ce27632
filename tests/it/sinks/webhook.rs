//! Webhooks, with TLS and without.

use super::*;

#[test]
fn a_webhook_gets_every_alert_once_with_its_token_over_tls_or_not() {
    if !has_commands("webhook", &["python3", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    let plain = Hook::start(Command::new("python3"), folder.path(), "plain", &[]);
    let own = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let own = own.each_ref().map(|path| path.to_str().unwrap());
    let tls = Hook::start(Command::new("python3"), folder.path(), "tls", &own);
    let sinks = format!(
        "[[sink]]\nname = \"plain\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/a\"\n\
         token_file = \"token\"\n\
         [[sink]]\nname = \"tls\"\nkind = \"webhook\"\nurl = \"https://127.0.0.1:{}/b\"\n\
         tls_ca = \"ca.pem\"\n\
         [[sink]]\nname = \"stranger\"\nkind = \"webhook\"\nurl = \"https://127.0.0.1:{}/c\"\n",
        plain.port, tls.port, tls.port
    );
    let config = config(folder.path(), &sinks);
    let mut test = borderflow("sink");
    test.args(["test", "--config"]).arg(&config);
    let ran = run(test);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("stranger (https"), "{ran:?}");
    assert!(
        ran.stdout.contains("FAILED: ") && ran.stdout.contains("certificate"),
        "{ran:?}"
    );
    ran.complained(1, &["1 of 3 sinks"]);

    // Without the one that does not work, for which the end would wait.
    let text = fs::read_to_string(&config).unwrap();
    let known = text.find("[[sink]]\nname = \"stranger\"").unwrap();
    fs::write(&config, &text[..known]).unwrap();
    let (_, alerts) = replay(folder.path(), &config, &["--send"]);
    for (hook, path, token) in [
        (&plain, "/a", json!("Bearer s3cret")),
        (&tls, "/b", json!(null)),
    ] {
        let requests = hook.requests();
        assert!(
            requests
                .iter()
                .all(|one| one["path"] == path && one["token"] == token)
        );
        let bodies = requests.iter().map(|one| &one["body"]);
        let ids: Vec<_> = bodies.map(|body| body["id"].as_str().unwrap()).collect();
        assert!(ids[0].ends_with("/test#1"), "{ids:?}");
        let event = |alert: &Value| Event::of_alert(alert).unwrap().id();
        assert_eq!(ids[1..], alerts.iter().map(event).collect::<Vec<_>>());
    }
}

/// A server of the web that keeps what is posted to it.
pub(super) struct Hook {
    _running: Running,
    port: String,
    log: PathBuf,
}

impl Hook {
    /// Starts one with `python3` as the command says; with a certificate and a key it speaks TLS.
    fn start(mut command: Command, folder: &Path, name: &str, tls: &[&str]) -> Self {
        let log = folder.join(format!("{name}.requests"));
        command.args(["-c", HOOK]).arg(&log).arg("0").args(tls);
        Self::await_port(command, log)
    }

    pub(super) fn await_port(command: Command, log: PathBuf) -> Self {
        let mut running = Running::start(command);
        let said = running.await_line("ready");
        let port = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self {
            _running: running,
            port,
            log,
        }
    }

    pub(super) fn requests(&self) -> Vec<Value> {
        json_lines(&self.log)
    }
}

pub(super) const HOOK: &str = "
import http.server, json, ssl, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        line = {'path': self.path, 'token': self.headers['Authorization'], 'body': body}
        with open(sys.argv[1], 'a') as log:
            log.write(json.dumps(line) + '\\n')
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print('ready', server.server_address[1], file=sys.stderr, flush=True)
server.serve_forever()
";
