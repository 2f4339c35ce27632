//! The class of what is sent in the clear, told by its first bytes.
//!
//! Only the class leaves this file. Magic numbers are those of the formats' own
//! specifications; one of fewer than three bytes is not enough and needs a second sign.

/// What kind of thing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Text in ASCII, UTF-8 or a double-byte code of Chinese, and nothing more special.
    Text,
    /// A packed file, or one pressed.
    Archive,
    /// A packed file or a message that only a key opens.
    EncryptedArchive,
    /// A database, a dump of one, or a file of table columns.
    Database,
    /// Office documents, pages for print, drawings.
    Document,
    /// A picture.
    Image,
    /// Sound or film.
    Media,
    /// Records and images of patients: DICOM, HL7, FHIR.
    Medical,
    /// Genome sequences, reads, alignments and variants.
    Genome,
    /// A program.
    Executable,
}

impl Content {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Archive => "archive",
            Self::EncryptedArchive => "encrypted_archive",
            Self::Database => "database",
            Self::Document => "document",
            Self::Image => "image",
            Self::Media => "media",
            Self::Medical => "medical",
            Self::Genome => "genome",
            Self::Executable => "executable",
        }
    }

    /// The class of what begins with these bytes. The first [`SAMPLE_BYTES`] decide: the
    /// answer is final once so many are there.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let sample = beginning(bytes);
        packed(sample)
            .or_else(|| multimedia(sample))
            .or_else(|| medical(sample))
            .or_else(|| program(sample))
            .or_else(|| open_pgp(sample))
            .or_else(|| by_magic(sample))
            .or_else(|| is_text(sample).then(|| written(sample)))
    }
}

/// Whether bytes look like those of a cipher or of a compressor, by the chi-square
/// statistic of their frequencies.
///
/// Of n random bytes it is 255 on average, with a deviation of 22.6. The bound of 400 is
/// six deviations above, which leaves room for a short header and for the unevenness of
/// compressed data. The least uneven text is far beyond: n random characters of base64
/// make 3 n + 255, hence 1,023 of 256.
pub fn is_random(bytes: &[u8]) -> bool {
    let sample = beginning(bytes);
    if sample.len() < RANDOM_BYTES_MIN {
        return false;
    }
    // In turn, so that equal bytes next to each other do not wait for each other's count.
    let mut tables = [[0u16; 256]; 4];
    let (fours, rest) = sample.as_chunks::<4>();
    for four in fours {
        for (counts, byte) in tables.iter_mut().zip(four) {
            let count = &mut counts[usize::from(*byte)];
            *count = count.wrapping_add(1);
        }
    }
    for byte in rest {
        let count = &mut tables[0][usize::from(*byte)];
        *count = count.wrapping_add(1);
    }
    // No more than 512 of each, whose squares are no more than 2^18 together.
    let [one, two, three, four] = tables;
    let counts = one.iter().zip(two).zip(three).zip(four);
    let squares = counts.map(|(((one, two), three), four)| {
        let count = one.wrapping_add(two).wrapping_add(three).wrapping_add(four);
        u32::from(count).wrapping_mul(count.into())
    });
    let squares = squares.fold(0, u32::wrapping_add) as usize;
    (squares * 256 / sample.len()).saturating_sub(sample.len()) < CHI_SQUARE_MAX
}

/// Bytes that decide: the magic number of tar stands at 257, the third packet of an MPEG
/// transport stream at 376.
pub(super) const SAMPLE_BYTES: usize = 512;

fn beginning(bytes: &[u8]) -> &[u8] {
    bytes.get(..SAMPLE_BYTES).unwrap_or(bytes)
}

fn has(bytes: &[u8], offset: usize, magic: &[u8]) -> bool {
    let rest = bytes.get(offset..).unwrap_or_default();
    rest.first() == magic.first() && rest.starts_with(magic)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn little_endian_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}

/// Containers that say more than their magic number: zip, gzip, rar.
fn packed(bytes: &[u8]) -> Option<Content> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(zip(bytes));
    }
    if bytes.starts_with(b"\x1f\x8b\x08") {
        // A gzip member with the extra field of BGZF, which BAM, BCF and packed VCF are
        // made of (SAM specification section 4.1).
        let is_blocked = bytes.get(3)? & 4 != 0 && has(bytes, 12, b"BC\x02\x00");
        return Some(if is_blocked {
            Content::Genome
        } else {
            Content::Archive
        });
    }
    let is_encrypted = if bytes.starts_with(b"Rar!\x1a\x07\x01\x00") {
        // Behind a checksum and a size of one byte stands the type of the first header,
        // and 4 is the one of encryption.
        bytes.get(13) == Some(&4)
    } else if bytes.starts_with(b"Rar!\x1a\x07\x00") {
        // A flag of the archive header: the headers behind it are encrypted.
        bytes.get(9) == Some(&0x73) && bytes.get(10)? & 0x80 != 0
    } else {
        return None;
    };
    Some(if is_encrypted {
        Content::EncryptedArchive
    } else {
        Content::Archive
    })
}

/// A zip file by its first entry: the general flags, and the name that office documents
/// begin with (APPNOTE section 4.3.7, OPC, OpenDocument part 2 section 3.3).
fn zip(bytes: &[u8]) -> Content {
    if little_endian_u16(bytes, 6).is_some_and(|flags| flags & 1 != 0) {
        return Content::EncryptedArchive;
    }
    let name = || {
        let length = little_endian_u16(bytes, 26)?;
        bytes.get(30..)?.get(..usize::from(length))
    };
    let name = name().unwrap_or_default();
    let is_office = OFFICE_NAMES.iter().any(|begin| name.starts_with(begin));
    let is_open = name == b"mimetype"
        && (contains(bytes, b"application/vnd.oasis") || contains(bytes, b"application/epub"));
    if is_office || is_open {
        Content::Document
    } else {
        Content::Archive
    }
}

/// Containers of film and pictures that name their kind at an offset.
fn multimedia(bytes: &[u8]) -> Option<Content> {
    if bytes.starts_with(b"RIFF") {
        return match bytes.get(8..12)? {
            b"WEBP" => Some(Content::Image),
            b"AVI " | b"WAVE" => Some(Content::Media),
            _ => None,
        };
    }
    if has(bytes, 4, b"ftyp") {
        return match bytes.get(8..12)? {
            b"heic" | b"heix" | b"mif1" | b"avif" => Some(Content::Image),
            _ => Some(Content::Media),
        };
    }
    // An MPEG transport stream repeats its sync byte every 188 bytes.
    if [0, 188, 376].iter().all(|at| bytes.get(*at) == Some(&0x47)) {
        return Some(Content::Media);
    }
    // "BM" alone would be too short: the size of the second header is one of these.
    let is_bitmap = bytes.starts_with(b"BM")
        && has(bytes, 6, &[0; 4])
        && matches!(little_endian_u16(bytes, 14), Some(12 | 40 | 108 | 124));
    is_bitmap.then_some(Content::Image)
}

/// DICOM files (PS3.10 section 7.1) and associations (PS3.8 section 9.3.2), and HL7
/// version 2 with or without the frame of MLLP.
fn medical(bytes: &[u8]) -> Option<Content> {
    let message = bytes.strip_prefix(b"\x0b").unwrap_or(bytes);
    let is_message = HEALTH_SEGMENTS.iter().any(|it| message.starts_with(it));
    let is_association = || {
        let is_title = |byte: &u8| matches!(byte, 0x20..=0x7e);
        let titles = bytes.get(10..42)?;
        let is_sound = matches!(bytes, [1 | 2, 0, 0, 0, _, _, 0, 1, 0, 0, ..]);
        Some(is_sound && titles.iter().all(is_title) && has(bytes, 42, &[0; 32]))
    };
    let is_medical = is_message || has(bytes, 128, b"DICM") || is_association().unwrap_or_default();
    is_medical.then_some(Content::Medical)
}

/// Programs of Windows: "MZ" and a place of the second header that makes sense.
fn program(bytes: &[u8]) -> Option<Content> {
    let place = bytes.get(0x3c..)?.first_chunk()?;
    let place = u32::from_le_bytes(*place);
    let is_program = bytes.starts_with(b"MZ") && (0x40..0x1000).contains(&place);
    is_program.then_some(Content::Executable)
}

/// An encrypted message of OpenPGP (RFC 9580 section 5): it begins with a session key,
/// encrypted to a public key or to a passphrase, in an old or a new packet header.
fn open_pgp(bytes: &[u8]) -> Option<Content> {
    let (tag, body) = match bytes {
        [first @ (0x84 | 0x8c), _, body @ ..] => (first >> 2 & 0x0f, body),
        [first @ (0x85 | 0x8d), _, _, body @ ..] => (first >> 2 & 0x0f, body),
        [first @ (0xc1 | 0xc3), 0..=191, body @ ..] => (first & 0x3f, body),
        [first @ (0xc1 | 0xc3), 192..=223, _, body @ ..] => (first & 0x3f, body),
        _ => return None,
    };
    let is_message = match (tag, body) {
        // Version 3, a key identifier, an algorithm that encrypts.
        (1, [3, _, _, _, _, _, _, _, _, 1 | 2 | 16 | 18 | 25, ..]) => true,
        // Version 4, a cipher, a way from a passphrase to a key, its hash.
        (3, [4, 1..=13, 0 | 1 | 3, 1..=14, ..]) => true,
        _ => false,
    };
    is_message.then_some(Content::EncryptedArchive)
}

fn by_magic(bytes: &[u8]) -> Option<Content> {
    let found = MAGICS
        .iter()
        .find(|(offset, magic, _)| has(bytes, *offset, magic));
    found.map(|(_, _, content)| *content)
}

/// What a text is.
fn written(text: &[u8]) -> Content {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let is_patient = || {
        let is_resource =
            text.trim_ascii_start().starts_with(b"{") && contains(text, b"\"resourceType\"");
        is_resource || contains(text, b"<ClinicalDocument")
    };
    // Dumps begin with lines of dashes, or with nothing but comments.
    let is_dump = || {
        let is_comment = text.starts_with(b"--") || text.starts_with(b"/*");
        is_comment && DUMP_WORDS.iter().any(|word| contains(text, word))
    };
    if is_dump() {
        Content::Database
    } else if is_genome(text) {
        Content::Genome
    } else if is_patient() {
        Content::Medical
    } else {
        Content::Text
    }
}

/// FASTQ and FASTA: a title, and a line of bases or of amino acids that is longer than
/// any word in capitals.
fn is_genome(text: &[u8]) -> bool {
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let (Some(title), Some(sequence)) = (lines.next(), lines.next()) else {
        return false;
    };
    let is_base = |byte: &u8| b"ACGTUNacgtun.".contains(byte);
    let is_acid = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'*' | b'-');
    let is_bases = sequence.len() >= BASES_MIN && sequence.iter().all(is_base);
    let is_acids = sequence.len() >= ACIDS_MIN && sequence.iter().all(is_acid);
    match title.first() {
        // The line behind the bases begins with a plus, where it is still in the sample.
        Some(b'@') => is_bases && lines.next().is_none_or(|line| line.starts_with(b"+")),
        Some(b'>') => is_bases || is_acids,
        _ => false,
    }
}

/// Whether all is printable, in UTF-8 or, where it is long enough to be no accident, in
/// pairs of GB 18030 or of Big5.
fn is_text(sample: &[u8]) -> bool {
    let is_control = |byte: &u8| match byte {
        b'\t' | b'\n' | b'\r' | b'\x0c' | b'\x1b' => false,
        byte => byte.is_ascii_control(),
    };
    if sample.len() < TEXT_BYTES_MIN || sample.iter().any(is_control) {
        return false;
    }
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => true,
        Err(_) => sample.len() >= PAIRS_BYTES_MIN && is_pairs(sample),
    }
}

fn is_pairs(mut bytes: &[u8]) -> bool {
    loop {
        bytes = match bytes {
            [] | [0x81..=0xfe] => return true,
            [0..=0x7f, rest @ ..] => rest,
            [
                0x81..=0xfe,
                0x30..=0x39,
                0x81..=0xfe,
                0x30..=0x39,
                rest @ ..,
            ] => rest,
            [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe, rest @ ..] => rest,
            // Four bytes of which the end is cut.
            [0x81..=0xfe, 0x30..=0x39] | [0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe] => {
                return true;
            }
            _ => return false,
        };
    }
}

/// Text of fewer bytes could be an accident: random bytes are all printable with a chance
/// of 0.38 each.
const TEXT_BYTES_MIN: usize = 8;

/// Double-byte codes accept almost any byte but controls: random bytes pass with a chance
/// of about 0.87 each.
const PAIRS_BYTES_MIN: usize = 128;

/// Bytes for the chi-square statistic: one for each value on average.
const RANDOM_BYTES_MIN: usize = 256;
const CHI_SQUARE_MAX: usize = 400;

const BASES_MIN: usize = 20;
const ACIDS_MIN: usize = 40;

/// First entries of Office Open XML.
const OFFICE_NAMES: [&[u8]; 6] = [
    b"[Content_Types].xml",
    b"_rels/",
    b"docProps/",
    b"word/",
    b"xl/",
    b"ppt/",
];

/// Segments that a message or a batch of HL7 begins with.
const HEALTH_SEGMENTS: [&[u8]; 3] = [b"MSH|", b"FHS|", b"BHS|"];

/// Words in the heads of dumps as text.
const DUMP_WORDS: [&[u8]; 6] = [
    b"PostgreSQL database",
    b"MySQL dump",
    b"MariaDB dump",
    b"enable the sandbox mode",
    b"SQL Dump",
    b"mysqldump",
];

/// Offset, magic number, class.
type Magic = (usize, &'static [u8], Content);

const MAGICS: [Magic; 71] = [
    (0, b"PK\x05\x06", Content::Archive),
    (0, b"PK\x07\x08", Content::Archive),
    (0, b"BZh", Content::Archive),
    (0, b"\xfd7zXZ\0", Content::Archive),
    (0, b"\x28\xb5\x2f\xfd", Content::Archive),
    (0, b"7z\xbc\xaf\x27\x1c", Content::Archive),
    (0, b"\x04\x22\x4d\x18", Content::Archive),
    (0, b"LZIP\x01", Content::Archive),
    (0, b"MSCF\0\0\0\0", Content::Archive),
    (0, b"!<arch>\n", Content::Archive),
    (257, b"ustar", Content::Archive),
    (0, b"-----BEGIN PGP MESSAGE-----", Content::EncryptedArchive),
    (
        0,
        b"-----BEGIN AGE ENCRYPTED FILE",
        Content::EncryptedArchive,
    ),
    (0, b"-----BEGIN CMS-----", Content::EncryptedArchive),
    (0, b"-----BEGIN PKCS7-----", Content::EncryptedArchive),
    (0, b"age-encryption.org/v1", Content::EncryptedArchive),
    (0, b"Salted__", Content::EncryptedArchive),
    (0, b"U2FsdGVkX1", Content::EncryptedArchive),
    (0, b"$ANSIBLE_VAULT;", Content::EncryptedArchive),
    (0, b"LUKS\xba\xbe", Content::EncryptedArchive),
    (0, b"\x03\xd9\xa2\x9a", Content::EncryptedArchive),
    (0, b"SQLite format 3\0", Content::Database),
    (0, b"PGDMP", Content::Database),
    (0, b"\x6d\xe2\x99\x81", Content::Database),
    (0, b"REDIS00", Content::Database),
    (3, b"EXPORT:V", Content::Database),
    (4, b"Standard Jet DB", Content::Database),
    (4, b"Standard ACE DB", Content::Database),
    (0, b"TAPE\0\0", Content::Database),
    (0, b"PAR1", Content::Database),
    (0, b"ARROW1\0\0", Content::Database),
    (0, b"Obj\x01", Content::Database),
    (0, b"\x89HDF\r\n\x1a\n", Content::Database),
    (0, b"%PDF-", Content::Document),
    (0, b"%!PS", Content::Document),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Content::Document),
    (0, b"{\\rtf", Content::Document),
    (0, b"AC10", Content::Document),
    (0, b"\x89PNG\r\n\x1a\n", Content::Image),
    (0, b"\xff\xd8\xff", Content::Image),
    (0, b"GIF87a", Content::Image),
    (0, b"GIF89a", Content::Image),
    (0, b"II*\0", Content::Image),
    (0, b"MM\0*", Content::Image),
    (0, b"8BPS\0\x01", Content::Image),
    (0, b"\0\0\0\x0cjP  ", Content::Image),
    (0, b"\0\0\0\x0cJXL ", Content::Image),
    (0, b"OggS\0", Content::Media),
    (0, b"fLaC", Content::Media),
    (0, b"ID3", Content::Media),
    (0, b"\x1a\x45\xdf\xa3", Content::Media),
    (0, b"FLV\x01", Content::Media),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Content::Media),
    (0, b"\0\0\x01\xba", Content::Media),
    (0, b"#!AMR", Content::Media),
    (0, b"##fileformat=VCF", Content::Genome),
    (0, b"##gff-version", Content::Genome),
    (0, b"@HD\tVN:", Content::Genome),
    (0, b"@SQ\tSN:", Content::Genome),
    (0, b"BAM\x01", Content::Genome),
    (0, b"BCF\x02", Content::Genome),
    (0, b"CRAM\x02", Content::Genome),
    (0, b"CRAM\x03", Content::Genome),
    (0, b"\x7fELF", Content::Executable),
    (0, b"\xfe\xed\xfa\xce", Content::Executable),
    (0, b"\xfe\xed\xfa\xcf", Content::Executable),
    (0, b"\xce\xfa\xed\xfe", Content::Executable),
    (0, b"\xcf\xfa\xed\xfe", Content::Executable),
    (0, b"\xca\xfe\xba\xbe", Content::Executable),
    (0, b"\0asm\x01\0\0\0", Content::Executable),
    (0, b"dex\n03", Content::Executable),
];

#[cfg(test)]
mod tests;
