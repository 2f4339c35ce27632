//! An interface that brings nothing: a mirror port that was unplugged looks like a quiet night.

use std::collections::BTreeMap;

use super::vitals::Silent;

/// Watches how long each interface has brought no frame.
#[derive(Debug)]
pub(super) struct SilenceWatch {
    /// What is too long, in seconds; 0 is never.
    seconds_max: u64,
    interfaces: BTreeMap<String, Heard>,
}

/// What was heard of an interface.
#[derive(Debug)]
struct Heard {
    received: u64,
    /// When the last frame came, in seconds since the run began.
    at_seconds: u64,
    is_told: bool,
    times: u64,
}

/// What is to be said of an interface.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It has brought nothing for so many seconds, which is too long.
    Silent(u64),
    /// It brings frames again, after so many seconds.
    Heard(u64),
}

impl SilenceWatch {
    pub(super) const fn new(seconds_max: u64) -> Self {
        Self {
            seconds_max,
            interfaces: BTreeMap::new(),
        }
    }

    /// Takes how many frames an interface has brought so far, in the seconds since the run
    /// began. Returns how silent it is, and what is to be said once.
    pub(super) fn look(
        &mut self,
        interface: &str,
        received: u64,
        now_seconds: u64,
    ) -> (Silent, Option<Word>) {
        let known = self.interfaces.entry(interface.to_owned());
        let heard = known.or_insert(Heard {
            received: 0,
            at_seconds: now_seconds,
            is_told: false,
            times: 0,
        });
        let seconds = now_seconds.saturating_sub(heard.at_seconds);
        let mut word = None;
        if received != heard.received {
            (heard.received, heard.at_seconds) = (received, now_seconds);
            if std::mem::take(&mut heard.is_told) {
                word = Some(Word::Heard(seconds));
            }
        } else if self.seconds_max > 0 && seconds >= self.seconds_max && !heard.is_told {
            heard.is_told = true;
            heard.times += 1;
            word = Some(Word::Silent(seconds));
        }
        let silent = Silent {
            seconds: now_seconds.saturating_sub(heard.at_seconds),
            times: heard.times,
        };
        (silent, word)
    }

    /// What is to be said in the end of interfaces that were silent for too long.
    pub(super) fn notes(&self) -> Vec<String> {
        let silent = self.interfaces.iter().filter(|(_, heard)| heard.times > 0);
        let note = silent.map(|(interface, heard)| {
            let (times, seconds) = (heard.times, self.seconds_max);
            format!(
                "{interface}: brought no frame for {seconds} s or longer, {times} times: what the \
                 site sent then was not seen, if it sent anything"
            )
        });
        note.collect()
    }
}

impl Word {
    /// The line that says it.
    pub(super) fn line(&self, interface: &str) -> String {
        match self {
            Self::Silent(seconds) => format!(
                "ALARM: {interface}: no frame for {seconds} s (capture.silence_seconds): the \
                 sensor is blind there, or the link is dead; look at the cable, the mirror port \
                 and --filter"
            ),
            Self::Heard(seconds) => {
                format!("{interface}: brings frames again, after {seconds} s of silence")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_once_and_so_is_its_end() {
        let mut watch = SilenceWatch::new(10);
        let mut look = |received, now| watch.look("eth0", received, now);
        assert_eq!(look(5, 0).1, None);
        assert_eq!(
            look(5, 9),
            (
                Silent {
                    seconds: 9,
                    times: 0
                },
                None
            )
        );
        let told = Silent {
            seconds: 10,
            times: 1,
        };
        assert_eq!(look(5, 10), (told, Some(Word::Silent(10))));
        assert_eq!(look(5, 11).1, None, "once");
        let heard = Silent {
            seconds: 0,
            times: 1,
        };
        assert_eq!(look(6, 20), (heard, Some(Word::Heard(20))));
        assert_eq!(look(6, 30).1, Some(Word::Silent(10)), "anew");
        assert_eq!(watch.notes().len(), 1);
    }

    #[test]
    fn an_interface_that_never_brought_anything_is_silent_too() {
        let mut watch = SilenceWatch::new(10);
        assert_eq!(watch.look("eth0", 0, 3).1, None);
        assert_eq!(watch.look("eth0", 0, 13).1, Some(Word::Silent(10)));
        let mut off = SilenceWatch::new(0);
        assert_eq!(off.look("eth0", 0, 0).1, None);
        assert_eq!(off.look("eth0", 0, 9_999).1, None);
        assert!(off.notes().is_empty());
    }
}
