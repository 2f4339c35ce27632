//! Questions to the history, in threads of their own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::Semaphore;

use super::route::Refusal;
use crate::history::{HistoryError, InterruptHandle, Reader};

/// Queries that run at once.
pub const QUERIES_MAX: usize = 4;

/// Queries that may wait for their turn; more are refused.
const WAITING_MAX: usize = 64;

/// A query that takes longer is ended.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a history is asked.
#[derive(Debug)]
pub(super) struct Queries {
    folder: PathBuf,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// Readers that nobody uses.
    readers: Arc<Mutex<Vec<Reader>>>,
}

/// Ends a query that nobody waits for any more.
#[derive(Default)]
struct Ender(Arc<Mutex<Option<InterruptHandle>>>);

impl Drop for Ender {
    fn drop(&mut self) {
        if let Some(running) = guarded(&self.0).take() {
            running.interrupt();
        }
    }
}

impl Queries {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            turns: Arc::new(Semaphore::new(QUERIES_MAX)),
            places: Arc::new(Semaphore::new(QUERIES_MAX + WAITING_MAX)),
            readers: Arc::default(),
        }
    }

    /// Asks the history. A query that nobody waits for any more keeps its turn until it has
    /// ended, which it does at once.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = || {
            let why = "too many are asking; try again";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
        };
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| busy())?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| busy())?;
        let ender = Ender::default();
        let (readers, running) = (Arc::clone(&self.readers), Arc::clone(&ender.0));
        let folder = self.folder.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            let known = guarded(&readers).pop().filter(Reader::is_current);
            let reader = known.map_or_else(|| Reader::open(&folder), Ok)?;
            *guarded(&running) = Some(reader.interrupt_handle());
            let answer = question(&reader);
            *guarded(&running) = None;
            if answer.is_ok() {
                guarded(&readers).push(reader);
            }
            answer
        });
        let Ok(answer) = tokio::time::timeout(QUERY_TIMEOUT, asked).await else {
            let why = "the history took too long to answer; ask for less";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
        };
        answer.map_err(|_| busy())?.map_err(|error| refusal(&error))
    }
}

/// A poisoned lock guards handles, which are as good as they were.
fn guarded<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there is no answer. It names no path to whoever asks.
pub(super) fn refusal(error: &HistoryError) -> Refusal {
    let why = match error {
        HistoryError::None(_) => NO_HISTORY,
        _ => "the history cannot be read now; health.history_error may say why",
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
}

/// What is told where none is kept.
pub(super) const NO_HISTORY: &str =
    "no history is kept: start borderflow with --history DIR, or set history.dir";
