use super::make::gzip;
use super::*;

fn records(format: Format, bytes: impl AsRef<[u8]>) -> u64 {
    inspect(bytes).records(format)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// An element of a data set: explicit little endian if it has a type.
fn element(group: u16, number: u16, kind: Option<&str>, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(b' ');
    }
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    match kind {
        Some(kind @ ("OB" | "SQ" | "OW")) => {
            bytes.extend_from_slice(kind.as_bytes());
            bytes.extend_from_slice(&[0, 0]);
            bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        }
        Some(kind) => {
            bytes.extend_from_slice(kind.as_bytes());
            bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
        }
        None => bytes.extend_from_slice(&(value.len() as u32).to_le_bytes()),
    }
    [bytes, value].concat()
}

/// A data set with a sequence of unknown length before the patient.
fn data_set(
    is_explicit: bool,
    name: &str,
    identifier: &str,
    birth: &str,
    removed: Option<&str>,
) -> Vec<u8> {
    let kind = |kind: &'static str| is_explicit.then_some(kind);
    let mut bytes = element(0x0008, 0x0018, kind("UI"), b"1.2.3.4");
    bytes.extend_from_slice(&[0x08, 0x00, 0x40, 0x11]);
    if is_explicit {
        bytes.extend_from_slice(b"SQ\0\0");
    }
    bytes.extend_from_slice(&[0xFF; 4]);
    bytes.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    bytes.extend(element(0x0010, 0x0010, kind("PN"), b"Inner^Name"));
    bytes.extend_from_slice(&[0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    bytes.extend(element(0x0010, 0x0010, kind("PN"), name.as_bytes()));
    bytes.extend(element(0x0010, 0x0020, kind("LO"), identifier.as_bytes()));
    bytes.extend(element(0x0010, 0x0030, kind("DA"), birth.as_bytes()));
    if let Some(removed) = removed {
        bytes.extend(element(0x0012, 0x0062, kind("CS"), removed.as_bytes()));
    }
    bytes.extend(element(0x0028, 0x0010, kind("US"), &[0, 2]));
    bytes.extend(element(0x7FE0, 0x0010, kind("OW"), &[0x55; 3_000]));
    bytes
}

pub(super) fn dicom_file(name: &str, identifier: &str, removed: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    bytes.extend(element(0x0002, 0x0000, Some("UL"), &[26, 0, 0, 0]));
    bytes.extend(element(0x0002, 0x0001, Some("OB"), &[0, 1]));
    bytes.extend(element(0x0002, 0x0010, Some("UI"), b"1.2.840.10008.1.2.1"));
    bytes.extend(data_set(true, name, identifier, "", removed));
    bytes
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [
        &[kind, 0],
        (body.len() as u32).to_be_bytes().as_slice(),
        body,
    ]
    .concat()
}

fn fragment(control: u8, body: &[u8]) -> Vec<u8> {
    [
        ((body.len() + 2) as u32).to_be_bytes().as_slice(),
        &[1, control],
        body,
    ]
    .concat()
}

fn association(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0];
    request.extend_from_slice(&[b' '; 32]);
    request.extend_from_slice(&[0; 32]);
    request.extend_from_slice(&[0x10, 0, 0, 21]);
    request.extend_from_slice(b"1.2.840.10008.3.1.1.1");
    let mut bytes = message(1, &request);
    for object in objects {
        let command = [
            element(0, 0x0000, None, &[70, 0, 0, 0]),
            element(0, 0x0002, None, b"1.2.840.10008.5.1.4.1.1.2\0"),
            element(0, 0x0100, None, &[1, 0]),
            element(0, 0x1000, None, b"1.2.3.4\0"),
        ];
        bytes.extend(message(4, &fragment(3, &command.concat())));
        let half = object.len() / 2;
        bytes.extend(message(4, &fragment(0, &object[..half])));
        bytes.extend(message(4, &fragment(2, &object[half..])));
    }
    bytes.extend(message(5, &[0; 4]));
    bytes
}

pub(super) fn dicom_association(name: &str, identifier: &str) -> Vec<u8> {
    association(&[
        data_set(false, name, identifier, "19700101", None),
        data_set(true, name, identifier, "19700101", None),
        data_set(false, "", "", "", None),
        data_set(true, "ANON", "1", "", Some("YES")),
        data_set(true, "", "", "19700101", Some("NO")),
    ])
}

pub(super) fn fastq(reads: usize) -> Vec<u8> {
    let read = |n: usize| {
        let bases = "ACGTN".repeat(20 + n % 7);
        format!("@read:{n}/1\n{bases}\n+\n{}\n", "@".repeat(bases.len()))
    };
    (0..reads).map(read).collect::<String>().into()
}

pub(super) fn vcf(samples: usize) -> Vec<u8> {
    let names: String = (0..samples).map(|n| format!("\tNA{n:05}")).collect();
    let head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT";
    format!("{head}{names}\n20\t14370\trs6054257\tG\tA\t29\tPASS\t.\tGT\n").into()
}

#[test]
fn associations_of_dicom_are_followed() {
    let found = inspect(dicom_association("Doe^Jane", "4711"));
    assert_eq!(found.records(Format::DicomAssociations), 1);
    assert_eq!(found.records(Format::DicomObjects), 5);
    assert_eq!(found.records(Format::DicomIdentified), 3);
    // Two objects of one patient; the third has a birth date alone.
    assert_eq!(found.hits(Kind::DicomPatient), 2);
    assert_eq!(
        found.identifier(Kind::DicomPatient).unwrap().hashes().len(),
        1
    );
    let echo = [message(1, &[0; 20]), message(4, &[0; 20])].concat();
    assert!(inspect(echo).is_empty());
}

#[test]
fn files_of_dicom_are_read() {
    for (name, identifier, removed, identified) in [
        ("Doe^Jane", "4711", None, 1),
        ("Doe^Jane", "", None, 1),
        ("", "4711", Some("NO"), 1),
        ("", "", None, 0),
        ("^^^^", " ", None, 0),
        ("X", "Y", Some("YES"), 0),
    ] {
        let file = dicom_file(name, identifier, removed);
        for bytes in [
            file.clone(),
            gzip(&file),
            [b"POST / HTTP/1.1\r\n\r\n", &file[..]].concat(),
        ] {
            let found = inspect(bytes);
            assert_eq!(found.records(Format::DicomObjects), 1);
            assert_eq!(
                found.records(Format::DicomIdentified),
                identified,
                "{name} {removed:?}"
            );
        }
    }
}

#[test]
fn reads_are_counted() {
    assert_eq!(records(Format::FastqRecords, fastq(1_000)), 1_000);
    assert_eq!(
        records(Format::FastqRecords, &fastq(10)[..fastq(10).len() - 1]),
        10
    );
    assert_eq!(records(Format::FastqRecords, gzip(&fastq(100))), 100);
    let behind = [b"HTTP/1.1 200 OK\r\n\r\n", fastq(100).as_slice()].concat();
    assert_eq!(records(Format::FastqRecords, behind), 100);
    assert_eq!(
        records(
            Format::FastqRecords,
            "@name\nnot bases at all in here\n+\nxxx\n"
        ),
        0
    );
    let short = format!("@a\n{}\n+\n{}\n", "ACGT".repeat(10), "I".repeat(39));
    assert_eq!(records(Format::FastqRecords, short), 0);
}

#[test]
fn samples_are_counted() {
    let found = inspect(vcf(2_504));
    assert_eq!(found.records(Format::VcfFiles), 1);
    assert_eq!(found.records(Format::VcfSamples), 2_504);
    assert_eq!(
        found.identifier(Kind::GenomeSample).unwrap().hashes().len(),
        2_504
    );
    assert_eq!(records(Format::VcfSamples, gzip(&vcf(3))), 3);
    assert_eq!(records(Format::VcfSamples, vcf(0)), 0);
    let header =
        "@HD\tVN:1.6\n@RG\tID:1\tSM:NA1\n@RG\tID:2\tSM:NA2\n@RG\tID:3\tSM:NA1\n@RG\tID:4\n";
    let found = inspect(header);
    assert_eq!(found.records(Format::ReadGroups), 3);
    assert_eq!(
        found.identifier(Kind::GenomeSample).unwrap().hashes().len(),
        2
    );
}

/// A block of BGZF: gzip with its length in an extra field.
fn bgzf(bytes: &[u8]) -> Vec<u8> {
    let packed = gzip(bytes);
    let mut block = b"\x1F\x8B\x08\x04\0\0\0\0\0\xFF\x06\0BC\x02\0".to_vec();
    block.extend_from_slice(&((packed.len() + 7) as u16).to_le_bytes());
    block.extend_from_slice(&packed[10..]);
    block
}

#[test]
fn alignments_are_told() {
    let header = b"@HD\tVN:1.6\n@RG\tID:1\tSM:NA1\n";
    let bam = [
        b"BAM\x01".as_slice(),
        &(header.len() as u32).to_le_bytes(),
        header,
    ]
    .concat();
    let mut file = bgzf(&bam);
    file.extend(bgzf(b"@RG\tID:2\tSM:NA2\n"));
    file.extend(unhex(
        "1f8b08040000000000ff0600424302001b0003000000000000000000",
    ));
    let found = inspect(file);
    assert_eq!(found.records(Format::BamFiles), 1);
    assert_eq!(found.records(Format::ReadGroups), 2);
    assert_eq!(
        records(
            Format::BcfFiles,
            bgzf(b"BCF\x02\x02\x20\x00\x00\x00##fileformat=VCFv4.2\n")
        ),
        1
    );
    assert_eq!(records(Format::CramFiles, b"CRAM\x03\x00abcdefgh"), 1);
    assert_eq!(records(Format::CramFiles, b"CRAM\x03\x09abcdefgh"), 0);
}

#[test]
fn patients_are_counted() {
    let text = "\x0BMSH|^~\\&|LAB|H|X|Y|2024||ORU^R01|1|P|2.5\r\
                PID|1||4711^^^H^MR||Doe^Jane||19700101|F\r\
                OBX|1\r\x1C\r\x0BMSH|^~\\&|LAB\rPID|1||||Roe^Rick||19800101|M\rPID|1||||||\r\x1C\r";
    let found = inspect(text);
    assert_eq!(found.records(Format::Hl7Messages), 2);
    assert_eq!(found.records(Format::Hl7Patients), 2);
    assert_eq!(
        found
            .identifier(Kind::HealthPatient)
            .unwrap()
            .hashes()
            .len(),
        2
    );
    let fhir = r#"{"resourceType": "Patient", "id": "pat-1", "x": 1},
                  {"resourceType":"Patient","id":"2"},
                  {"resourceType":"Observation","id":"3"}"#;
    let found = inspect(fhir);
    assert_eq!(found.records(Format::FhirPatients), 2);
    assert_eq!(
        found
            .identifier(Kind::HealthPatient)
            .unwrap()
            .hashes()
            .len(),
        2
    );
}

fn vehicle_frame(command: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x23, 0x23, command, 0xFE];
    frame.extend_from_slice(b"LSGPC52U6AF102554\x01");
    frame.extend_from_slice(&(data.len() as u16).to_be_bytes());
    frame.extend_from_slice(data);
    frame.push(frame[2..].iter().fold(0, |sum, byte| sum ^ byte));
    frame
}

#[test]
fn frames_of_vehicles_are_checked() {
    let vector = unhex("232307fe4c53475043353255364146313032353534010000d7");
    assert_eq!(records(Format::VehicleFrames, &vector), 1);
    assert_eq!(hits(Kind::Vin, &vector), 1);
    for place in 2..vector.len() {
        let mut broken = vector.clone();
        broken[place] ^= 1;
        assert_eq!(records(Format::VehicleFrames, &broken), 0, "{place}");
    }
    let mut data = vec![24, 1, 2, 3, 4, 5, 1];
    data.extend_from_slice(&[0; 20]);
    data.extend_from_slice(&[2, 1]);
    data.extend_from_slice(&[0; 12]);
    data.push(5);
    let valid = [
        data.clone(),
        vec![0],
        116_397_000u32.to_be_bytes().into(),
        39_908_000u32.to_be_bytes().into(),
    ];
    let found = inspect(
        [
            vehicle_frame(2, &valid.concat()),
            vehicle_frame(3, &[7; 900]),
        ]
        .concat(),
    );
    assert_eq!(found.records(Format::VehicleFrames), 2);
    assert_eq!(found.records(Format::VehiclePositions), 1);
    let mut invalid = valid;
    invalid[1] = vec![1];
    assert_eq!(
        records(
            Format::VehiclePositions,
            vehicle_frame(2, &invalid.concat())
        ),
        0
    );
}

fn terminal_frame(message: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = message.to_be_bytes().to_vec();
    frame.extend_from_slice(&(body.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0x01, 0x39, 0x12, 0x34, 0x56, 0x78, 0, 1]);
    frame.extend_from_slice(body);
    frame.push(frame.iter().fold(0, |sum, byte| sum ^ byte));
    let escaped = frame.iter().flat_map(|byte| match byte {
        0x7D => vec![0x7D, 1],
        0x7E => vec![0x7D, 2],
        other => vec![*other],
    });
    [0x7E].into_iter().chain(escaped).chain([0x7E]).collect()
}

#[test]
fn frames_of_terminals_are_checked() {
    let vector = unhex("7e000200000139123456780001337e");
    assert_eq!(records(Format::TerminalFrames, &vector), 1);
    for place in 1..vector.len() - 1 {
        let mut broken = vector.clone();
        broken[place] ^= 1;
        assert_eq!(records(Format::TerminalFrames, &broken), 0, "{place}");
    }
    let body = |status: u32| {
        let numbers = [0x7E7D_0000, status, 39_908_000, 116_397_000];
        let mut body = numbers.map(u32::to_be_bytes).concat();
        body.extend_from_slice(&[0; 12]);
        body
    };
    let frames = [
        terminal_frame(0x0200, &body(2)),
        terminal_frame(0x0200, &body(0)),
    ]
    .concat();
    let found = inspect(frames);
    assert_eq!(found.records(Format::TerminalFrames), 2);
    assert_eq!(found.records(Format::TerminalPositions), 1);
    assert_eq!(
        found
            .identifier(Kind::VehicleTerminal)
            .unwrap()
            .hashes()
            .len(),
        1
    );
}

#[test]
fn positions_are_told_by_their_precision() {
    let precise = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n\
                   $GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n";
    let found = inspect(precise);
    assert_eq!(found.records(Format::NmeaSentences), 2);
    assert_eq!(found.records(Format::NmeaPrecise), 2);
    assert_eq!(
        records(
            Format::NmeaSentences,
            precise.replace("*47", "*48").replace("*6A", "*60")
        ),
        0
    );
    let body = "GPGLL,4807,N,01131,E,123519,A";
    let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    let coarse = inspect(format!("${body}*{sum:02X}\r\n"));
    assert_eq!(coarse.records(Format::NmeaSentences), 1);
    assert_eq!(coarse.records(Format::NmeaPrecise), 0);
    let gpx = r#"<gpx><trk><trkseg><trkpt lat="47.64" lon="-122.32"><ele>4</ele></trkpt>
                 <trkpt lon='-122.3' lat='47.6'></trkpt><wpt lat="47" lon="x"/>"#;
    let mixed = r#"<trkpt lat="47.6" lon="-122.32"/><trkpt lat="47.64" lon="-122.3"/>"#;
    assert_eq!(records(Format::GpxPrecise, mixed), 0);
    let found = inspect(gpx);
    assert_eq!(found.records(Format::GpxPoints), 2);
    assert_eq!(found.records(Format::GpxPrecise), 1);
}

#[test]
fn messages_of_finance_are_checked() {
    for separator in ["\x01", "|"] {
        let vector = "8=FIX.4.2|9=5|35=0|10=161|".replace('|', separator);
        assert_eq!(records(Format::FixMessages, &vector), 1);
        assert_eq!(
            records(Format::FixMessages, vector.replace("161", "162")),
            0
        );
        assert_eq!(
            records(Format::FixMessages, vector.replace("35=0", "35=1")),
            0
        );
        assert_eq!(
            records(Format::FixMessages, vector.replace("9=5", "9=6")),
            0
        );
    }
    let xml = r#"<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">"#;
    assert_eq!(records(Format::Iso20022Messages, xml), 1);
    assert_eq!(
        records(
            Format::SwiftMessages,
            "{1:F01BANKBEBBABCD2222123456}{2:I103"
        ),
        1
    );
    assert_eq!(records(Format::SwiftMessages, "{1:F01bankbebbabcd}"), 0);
}
