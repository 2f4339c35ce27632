//! Records: what begins with a fixed string is judged where it stands, or followed by a task.
//!
//! At most one task runs at a time. It takes the bytes from its beginning on and says how
//! many of them were its own; the search goes on behind them.

use super::dicom::{self, Association, Elements};
use super::found::{Format, Skip};
use super::genome::{self, Columns, Fastq};
use super::layer::Layer;
use super::magic::{MAGIC_BYTES_MAX, Magic};
use super::sight::{Sight, View};
use super::unpack::{Framing, Packing, Unpack};
use super::vehicle::{self, Frame};
use super::{UNPACKED_BYTES_MAX, finance, health, position};

/// Whether a task wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It does.
    Going,
    /// It ended behind so many of the bytes it was given.
    Done(usize),
}

/// Where the search is, and what is being followed.
#[derive(Default)]
pub(super) struct Records {
    next: usize,
    task: Task,
    packing: Option<Packing>,
    framing: Option<Framing>,
    /// Bytes that this stream has unpacked.
    unpacked_bytes: u64,
}

#[derive(Default)]
enum Task {
    #[default]
    None,
    Association(Box<Association>),
    Elements(Box<Elements>),
    Columns(Columns),
    Fastq(Fastq),
    Frame(Frame),
    Unpack(Box<Unpack>),
}

impl Records {
    /// Looks for records that begin before the limit of the view. What is unpacked goes into the
    /// layer; without one it is counted as nested.
    pub(super) fn scan(
        &mut self,
        view: &View<'_>,
        sight: &mut Sight<'_>,
        mut inner: Option<&mut Layer>,
    ) {
        if view.is_beginning && self.next == 0 && view.limit > 0 {
            self.begin(view);
        }
        while self.next < view.limit {
            if !matches!(self.task, Task::None) {
                let bytes = view.bytes.get(self.next..view.limit).unwrap_or_default();
                match self.follow(bytes, sight, inner.as_deref_mut()) {
                    Progress::Going => self.next = view.limit,
                    Progress::Done(count) => {
                        self.next += count;
                        self.task = Task::None;
                    }
                }
                continue;
            }
            let end = (view.limit + MAGIC_BYTES_MAX - 1).min(view.bytes.len());
            let bytes = view.bytes.get(self.next..end).unwrap_or_default();
            let found = sight.inspector.magics.find(bytes);
            let found = found.filter(|(_, offset)| self.next + offset < view.limit);
            let Some((magic, offset)) = found else {
                self.next = view.limit;
                return;
            };
            let place = self.next + offset;
            self.next = place + 1;
            self.judge(magic, place, view, sight, inner.is_some());
        }
    }

    /// The view begins so many bytes later.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.next = self.next.saturating_sub(bytes);
    }

    /// Ends what is being followed with the stream.
    pub(super) fn finish(&mut self, sight: &mut Sight<'_>, inner: Option<&mut Layer>) {
        match &mut self.task {
            Task::Association(task) => task.finish(sight),
            Task::Elements(task) => task.finish(sight),
            Task::Columns(task) => task.end(sight),
            Task::Fastq(task) => task.finish(sight),
            Task::Unpack(task) => {
                if let Some(inner) = inner {
                    let mut out = |bytes: &[u8]| inner.push(sight.inspector, bytes, sight.found);
                    let end = task.finish(&mut self.unpacked_bytes, &mut out);
                    inner.end(sight.inspector, sight.found);
                    if let Err(reason) = end {
                        sight.found.skip(reason);
                    }
                }
            }
            Task::None | Task::Frame(_) => {}
        }
        self.task = Task::None;
    }

    /// Judges the very beginning of a stream.
    fn begin(&mut self, view: &View<'_>) {
        if dicom::is_association(view) {
            self.task = Task::Association(Box::default());
        } else if let Some(reads) = Fastq::at_beginning(view) {
            self.task = Task::Fastq(reads);
        }
    }

    fn follow(
        &mut self,
        bytes: &[u8],
        sight: &mut Sight<'_>,
        inner: Option<&mut Layer>,
    ) -> Progress {
        match &mut self.task {
            Task::None => Progress::Done(0),
            Task::Association(task) => task.feed(bytes, sight),
            Task::Elements(task) => task.feed(bytes, sight),
            Task::Columns(task) => task.feed(bytes, sight),
            Task::Fastq(task) => task.feed(bytes, sight),
            Task::Frame(task) => task.feed(bytes, sight),
            Task::Unpack(task) => {
                let Some(inner) = inner else {
                    return Progress::Done(0);
                };
                let mut out = |bytes: &[u8]| inner.push(sight.inspector, bytes, sight.found);
                let (end, taken) = match task.feed(bytes, &mut self.unpacked_bytes, &mut out) {
                    Ok(Progress::Going) => return Progress::Going,
                    Ok(Progress::Done(taken)) => {
                        (task.finish(&mut self.unpacked_bytes, &mut out), taken)
                    }
                    Err((reason, taken)) => (Err(reason), taken),
                };
                inner.end(sight.inspector, sight.found);
                if let Err(reason) = end {
                    sight.found.skip(reason);
                }
                Progress::Done(taken)
            }
        }
    }

    fn judge(
        &mut self,
        magic: Magic,
        place: usize,
        view: &View<'_>,
        sight: &mut Sight<'_>,
        may_unpack: bool,
    ) {
        match magic {
            Magic::Dicom => {
                sight.found.add(Format::DicomObjects, 1);
                self.start(place + DICOM_MAGIC_BYTES, Task::Elements(Box::default()));
            }
            Magic::VcfFile => sight.found.add(Format::VcfFiles, 1),
            Magic::Columns => self.start(place, Task::Columns(Columns::default())),
            Magic::FastqPlus => {
                if let Some(reads) = Fastq::at_plus(view, place) {
                    self.start(place + PLUS_LINE_BYTES, Task::Fastq(reads));
                }
            }
            Magic::ReadGroup => genome::read_group(view, place, sight),
            Magic::Bam if genome::is_bam(view, place) => sight.found.add(Format::BamFiles, 1),
            Magic::Bcf if genome::is_bcf(view, place) => sight.found.add(Format::BcfFiles, 1),
            Magic::Cram if genome::is_cram(view, place) => sight.found.add(Format::CramFiles, 1),
            Magic::Bam | Magic::Bcf | Magic::Cram => {}
            Magic::Hl7Message => health::message(view, place, sight),
            Magic::Hl7Patient => health::patient(view, place, sight),
            Magic::FhirResource => health::resource(view, place, sight),
            Magic::VehicleFrame => {
                if let Some(frame) = Frame::new(view, place) {
                    self.start(place, Task::Frame(frame));
                }
            }
            Magic::TerminalFrame => vehicle::terminal(view, place, sight),
            Magic::NmeaSentence => position::sentence(view, place, sight),
            Magic::GpxPoint => position::point(view, place, sight),
            Magic::Fix => finance::fix(view, place, sight),
            Magic::Iso20022 => finance::iso_20022(view, place, sight),
            Magic::Swift => finance::swift(view, place, sight),
            Magic::Gzip | Magic::Zstd => {
                let packing = if magic == Magic::Gzip {
                    Packing::Gzip
                } else {
                    Packing::Zstd
                };
                if is_packed(packing, view.from(place, PACKED_HEAD_BYTES)) {
                    self.unpack(place, packing, Framing::Plain, sight, may_unpack);
                }
            }
            Magic::ContentEncoding => {
                self.packing = packing(view.from(place + ENCODING_NAME_BYTES, 16), sight);
            }
            Magic::Chunked => self.framing = Some(Framing::Chunked),
            Magic::Body => {
                let framing = self.framing.take().unwrap_or(Framing::Plain);
                if let Some(packing) = self.packing.take() {
                    self.body(
                        place + BODY_BREAK_BYTES,
                        packing,
                        framing,
                        view,
                        sight,
                        may_unpack,
                    );
                }
            }
        }
    }

    /// Begins to unpack the body that a header of HTTP announced.
    fn body(
        &mut self,
        place: usize,
        packing: Packing,
        framing: Framing,
        view: &View<'_>,
        sight: &mut Sight<'_>,
        may_unpack: bool,
    ) {
        // An answer to HEAD has the header and no body.
        let head = view.from(place, PACKED_HEAD_BYTES);
        if framing == Framing::Chunked || is_packed(packing, head) {
            self.unpack(place, packing, framing, sight, may_unpack);
        }
    }

    fn unpack(
        &mut self,
        place: usize,
        packing: Packing,
        framing: Framing,
        sight: &mut Sight<'_>,
        may_unpack: bool,
    ) {
        if !may_unpack {
            sight.found.skip(Skip::Nested);
        } else if self.unpacked_bytes >= UNPACKED_BYTES_MAX {
            sight.found.skip(Skip::Budget);
        } else {
            self.start(place, Task::Unpack(Box::new(Unpack::new(packing, framing))));
        }
    }

    fn start(&mut self, place: usize, task: Task) {
        self.next = place;
        self.task = task;
    }
}

/// The encoding that a header names.
fn packing(value: &[u8], sight: &mut Sight<'_>) -> Option<Packing> {
    let value = value.trim_ascii_start().to_ascii_lowercase();
    if value.starts_with(b"gzip") || value.starts_with(b"x-gzip") {
        Some(Packing::Gzip)
    } else if value.starts_with(b"deflate") {
        Some(Packing::Deflate)
    } else if value.starts_with(b"zstd") {
        Some(Packing::Zstd)
    } else {
        let is_plain = value.starts_with(b"identity") || value.starts_with(b"aws-chunked");
        if !is_plain {
            sight.found.skip(Skip::Encoding);
        }
        None
    }
}

/// Whether content can begin so. Raw deflate has no beginning of its own.
fn is_packed(packing: Packing, head: &[u8]) -> bool {
    match packing {
        // Method 8, no reserved flag, and a way of compression that is in use.
        Packing::Gzip => {
            matches!(
                head,
                [
                    0x1F,
                    0x8B,
                    8,
                    0..=0x1F,
                    _,
                    _,
                    _,
                    _,
                    0 | 2 | 4,
                    0..=13 | 255,
                    ..
                ]
            )
        }
        Packing::Zstd => head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]),
        Packing::Deflate => !head.is_empty() && !head.starts_with(b"HTTP/"),
    }
}

const DICOM_MAGIC_BYTES: usize = 4;
const PLUS_LINE_BYTES: usize = 3;
const BODY_BREAK_BYTES: usize = 4;
const ENCODING_NAME_BYTES: usize = 16;
const PACKED_HEAD_BYTES: usize = 10;
