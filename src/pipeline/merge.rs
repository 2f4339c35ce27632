//! Several captures as one, in the order of their times.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::path::PathBuf;

use crate::capture::{FileSource, first_timestamp};
use crate::time::Timestamp;

use super::PipelineError;
use super::replay::{Captures, Progress, Replay};

/// Merges files by the times of their next frames. A file is open only from its first frame
/// to its last, so that the files of a ring of hundreds do not exhaust the descriptors.
pub(super) struct Merge {
    /// Files that were not opened yet, the earliest first.
    waiting: VecDeque<Waiting>,
    /// The open files by their rank.
    open: BTreeMap<usize, FileSource>,
    /// The next frame of each open file.
    heads: BinaryHeap<Reverse<Head>>,
    /// Bytes read of files that have ended.
    ended_bytes: u64,
}

/// A file, and when it is opened.
struct Waiting {
    first: Timestamp,
    path: PathBuf,
    is_followed: bool,
}

/// The time of a frame and the rank of its file, which decides between frames of one time.
type Head = (Timestamp, usize);

/// Files that may be open at once. Of more that overlap in time, the packets of those that
/// are opened late are late.
const FILES_OPEN_MAX: usize = 256;

impl Merge {
    /// Finds out when each file begins.
    pub(super) fn new(captures: Captures<'_>) -> Result<Self, PipelineError> {
        let mut waiting = Vec::with_capacity(captures.files.len());
        for (index, path) in captures.files.iter().enumerate() {
            let is_followed = captures.follows_last && index + 1 == captures.files.len();
            let first = if is_followed {
                FileSource::follow(path)?.next_timestamp()
            } else {
                first_timestamp(path)
            };
            let unknown = match is_followed {
                true => Timestamp::from_nanos(u64::MAX),
                false => Timestamp::ZERO,
            };
            let first = match first {
                // It is told when the file's turn comes.
                Err(error) if error.is_damage() => unknown,
                result => result?.unwrap_or(unknown),
            };
            waiting.push(Waiting {
                first,
                path: path.clone(),
                is_followed,
            });
        }
        waiting.sort_by_key(|it| it.first);
        Ok(Self {
            waiting: waiting.into(),
            open: BTreeMap::new(),
            heads: BinaryHeap::new(),
            ended_bytes: 0,
        })
    }

    /// Reads all files to their ends.
    pub(super) fn read<P: FnMut(Progress)>(
        mut self,
        replay: &mut Replay<'_, P>,
    ) -> Result<(), PipelineError> {
        let files = self.waiting.len();
        while !replay.is_stopped() {
            while self.is_one_due() {
                self.open_one(files, replay)?;
            }
            let Some(Reverse((_, rank))) = self.heads.pop() else {
                break;
            };
            if let Some(mut source) = self.open.remove(&rank) {
                if self.read_turn(rank, &mut source, replay)? {
                    self.open.insert(rank, source);
                } else {
                    self.ended_bytes += source.position_bytes();
                }
            }
        }
        Ok(())
    }

    /// Whether the earliest file that was not opened begins before the next frame of those
    /// that are open.
    fn is_one_due(&self) -> bool {
        let next = self.heads.peek().map(|Reverse((next, _))| *next);
        let earliest = self.waiting.front().filter(|_| self.has_room());
        earliest.is_some_and(|it| next.is_none_or(|next| it.first <= next))
    }

    fn has_room(&self) -> bool {
        self.open.len() < FILES_OPEN_MAX
    }

    fn open_one<P: FnMut(Progress)>(
        &mut self,
        files: usize,
        replay: &mut Replay<'_, P>,
    ) -> Result<(), PipelineError> {
        let rank = files - self.waiting.len();
        let Some(file) = self.waiting.pop_front() else {
            return Ok(());
        };
        let mut source = if file.is_followed {
            FileSource::follow(&file.path)?
        } else {
            FileSource::open(&file.path)?
        };
        if let Some(next) = replay.await_timestamp(&mut source)? {
            self.heads.push(Reverse((next, rank)));
            self.open.insert(rank, source);
        } else {
            self.ended_bytes += source.position_bytes();
        }
        Ok(())
    }

    /// Reads the file of that rank up to where it is another one's turn. Says no at its end.
    fn read_turn<P: FnMut(Progress)>(
        &mut self,
        rank: usize,
        source: &mut FileSource,
        replay: &mut Replay<'_, P>,
    ) -> Result<bool, PipelineError> {
        let limit = self.limit();
        let before = limit.map_or(Timestamp::from_nanos(u64::MAX), |(time, _)| time);
        loop {
            let mut frames = replay.reader.take_ready(source, before)?;
            if frames == 0 {
                let Some(next) = replay.await_timestamp(source)? else {
                    return Ok(false);
                };
                if limit.is_some_and(|limit| (next, rank) > limit) {
                    self.heads.push(Reverse((next, rank)));
                    return Ok(true);
                }
                if let Ok(Some(frame)) = source.next_frame() {
                    replay.reader.frame(&frame)?;
                }
                frames = 1;
            }
            if replay.is_report_due(frames) {
                let others = self.open.values().map(FileSource::position_bytes);
                let position_bytes = self.ended_bytes + source.position_bytes();
                if replay.report(position_bytes + others.sum::<u64>()) {
                    return Ok(false);
                }
            }
        }
    }

    /// The last frame that the file whose turn it is may give.
    fn limit(&self) -> Option<Head> {
        let opened = self.heads.peek().map(|Reverse(head)| *head);
        let waiting = self.waiting.front().filter(|_| self.has_room());
        // A file that begins at the same time is of a later rank.
        let waiting = waiting.map(|it| (it.first, usize::MAX));
        opened.into_iter().chain(waiting).min()
    }
}
