use super::super::stream;
use super::*;

/// A version and an offer: key exchanges, and ciphers for both ways.
fn side(banner: &str, exchanges: &str, ciphers: &str) -> Vec<u8> {
    let mut packet = vec![4, KEY_EXCHANGE_INIT];
    packet.extend([7; 16]);
    let lists = [
        exchanges,
        "ssh-ed25519",
        ciphers,
        ciphers,
        "m",
        "m",
        "none",
        "none",
        "",
        "",
    ];
    for list in lists {
        packet.extend((list.len() as u32).to_be_bytes());
        packet.extend(list.bytes());
    }
    packet.extend([0; 9]);
    let length = (packet.len() as u32).to_be_bytes();
    [banner.as_bytes(), b"\r\n", &length, &packet].concat()
}

fn protection_of(client: &[u8], server: &[u8]) -> Protection {
    let Reading::Done(said) = stream(client, server, [40_000, 22], true) else {
        panic!("it is over");
    };
    assert_eq!(said.application, Application::Ssh);
    said.protection
}

fn exchanged(exchanges: [&str; 2], ciphers: [&str; 2]) -> Protection {
    let client = side("SSH-2.0-a", exchanges[0], ciphers[0]);
    let server = side("SSH-2.0-b", exchanges[1], ciphers[1]);
    assert_eq!(
        protection_of(&server, &client),
        protection_of(&client, &server)
    );
    protection_of(&client, &server)
}

#[test]
fn strength_is_that_of_what_will_be_agreed() {
    let modern = ["aes256-ctr", "aes256-ctr"];
    let alike = |name| exchanged([name, name], modern);
    assert_eq!(alike("curve25519-sha256"), Protection::Strong);
    assert_eq!(alike("ecdh-sha2-nistp256"), Protection::Strong);
    assert_eq!(alike("diffie-hellman-group16-sha512"), Protection::Strong);
    assert_eq!(alike("mlkem768x25519-sha256"), Protection::PostQuantum);
    assert_eq!(
        alike("sntrup761x25519-sha512@openssh.com"),
        Protection::PostQuantum
    );
    assert_eq!(alike("diffie-hellman-group1-sha1"), Protection::Weak);
    assert_eq!(
        alike("diffie-hellman-group-exchange-sha1"),
        Protection::Weak
    );
    assert_eq!(alike("sm2-sm3"), Protection::National);
    assert_eq!(alike("unheard-of"), Protection::Standard);
    assert_eq!(exchanged(["a,b", "c"], modern), Protection::Standard);
}

#[test]
fn the_first_common_name_counts() {
    let client = "mlkem768x25519-sha256,curve25519-sha256,diffie-hellman-group14-sha1";
    let modern = ["aes256-ctr,3des-cbc", "3des-cbc,aes256-ctr"];
    let client_lists = |server| {
        let client = side("SSH-2.0-a", client, modern[0]);
        protection_of(&client, &side("SSH-2.0-b", server, modern[1]))
    };
    let server = "diffie-hellman-group14-sha1,curve25519-sha256";
    assert_eq!(client_lists(server), Protection::Strong);
    assert_eq!(
        client_lists("diffie-hellman-group14-sha1"),
        Protection::Weak
    );
    for cipher in [
        "3des-cbc",
        "arcfour",
        "aes128-cbc",
        "rijndael-cbc@lysator.liu.se",
    ] {
        let lists = ["curve25519-sha256"; 2];
        assert_eq!(exchanged(lists, [cipher; 2]), Protection::Weak, "{cipher}");
    }
}

#[test]
fn a_version_alone_tells_little() {
    assert_eq!(protection_of(b"SSH-2.0-a\r\n", b""), Protection::Standard);
    assert_eq!(
        protection_of(b"SSH-2.0-a\r\n", b"SSH-1.99-b\n"),
        Protection::Standard
    );
    assert_eq!(
        protection_of(b"SSH-2.0-a\r\n", b"SSH-1.5-b\n"),
        Protection::Weak
    );
    assert_eq!(
        protection_of(b"SSH-2.0-a\r\n", b"hello\r\nSSH-1.5-b\n"),
        Protection::Weak
    );
    let more = stream(b"SSH-2.0-a\r\n", b"SSH-2.0-b\r\n", [1, 22], false);
    assert_eq!(more, Reading::More);
}
