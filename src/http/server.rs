//! Connections: how many, for how long, and which goes when there are too many.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::route::Site;

/// Connections that are served at once. For one more the one goes that is idle for longest.
pub const CONNECTIONS_MAX: usize = 128;

/// A client must have sent the head of its request within this time.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// A client must have taken its answer, or asked for the next, within this time.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is looked for connections whose time is up.
const LOOK: Duration = Duration::from_millis(500);

/// How long nothing is accepted where the system gives no more.
const PAUSE: Duration = Duration::from_millis(100);

/// The largest request head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A connection, as those see it that watch over it.
#[derive(Debug)]
pub(super) struct Watched {
    since: Instant,
    /// When its time is up, in milliseconds from `since` on.
    deadline: AtomicU64,
    /// Answers that are being made or go on.
    busy: AtomicU32,
}

impl Watched {
    fn new() -> Self {
        let watched = Self {
            since: Instant::now(),
            deadline: AtomicU64::new(0),
            busy: AtomicU32::new(0),
        };
        watched.go_on();
        watched
    }

    /// Gives it time anew.
    pub(super) fn go_on(&self) {
        let deadline = self.since.elapsed() + ANSWER_TIMEOUT;
        let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        self.deadline.store(millis, Relaxed);
    }

    /// Notes that an answer is being made, until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Relaxed);
        self.go_on();
        Busy(Arc::clone(self))
    }

    fn is_over(&self) -> bool {
        self.since.elapsed().as_millis() > u128::from(self.deadline.load(Relaxed))
    }
}

/// An answer that is being made.
#[derive(Debug)]
pub(super) struct Busy(Arc<Watched>);

impl Busy {
    /// Gives the connection time anew.
    pub(super) fn go_on(&self) {
        self.0.go_on();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.go_on();
        self.0.busy.fetch_sub(1, Relaxed);
    }
}

/// All connections, by their numbers.
type List = BTreeMap<u64, (Arc<Watched>, Option<AbortHandle>)>;

/// The list, as its tasks share it.
type Known = Arc<Mutex<List>>;

/// A poisoned lock guards a list, which is as good as it was.
fn list(known: &Known) -> MutexGuard<'_, List> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, site: Arc<Site>, tls: Option<Arc<ServerConfig>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let known = Known::default();
    tokio::spawn(end_those_whose_time_is_up(Arc::clone(&known)));
    let acceptor = tls.map(TlsAcceptor::from);
    let mut number = 0u64;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: leave the machine some air.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if !has_room(&known) {
            // All are busy, and this one is told so by its end.
            continue;
        }
        number += 1;
        let watched = Arc::new(Watched::new());
        list(&known).insert(number, (Arc::clone(&watched), None));
        let guard = Listed {
            known: Arc::clone(&known),
            number,
        };
        let (site, acceptor) = (Arc::clone(&site), acceptor.clone());
        let task = tokio::spawn(async move {
            let _guard = guard;
            serve(stream, site, acceptor, watched).await;
        });
        if let Some((_, abort)) = list(&known).get_mut(&number) {
            *abort = Some(task.abort_handle());
        }
    }
}

/// Takes a connection off the list when its task ends, however it does.
struct Listed {
    known: Known,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        list(&self.known).remove(&self.number);
    }
}

/// Sees to it that there is room for one more.
fn has_room(known: &Known) -> bool {
    let mut list = list(known);
    if list.len() < CONNECTIONS_MAX {
        return true;
    }
    let idle = list
        .iter()
        .filter(|(_, (one, _))| one.busy.load(Relaxed) == 0);
    let idle = idle.min_by_key(|(_, (one, _))| {
        let deadline = Duration::from_millis(one.deadline.load(Relaxed));
        one.since.checked_add(deadline)
    });
    let Some(number) = idle.map(|(number, _)| *number) else {
        return false;
    };
    // Out of the lock, since the end of a task takes it.
    let gone = list.remove(&number);
    drop(list);
    if let Some((_, Some(abort))) = gone {
        abort.abort();
    }
    true
}

async fn end_those_whose_time_is_up(known: Known) {
    loop {
        tokio::time::sleep(LOOK).await;
        let over: Vec<_> = {
            let list = list(&known);
            let over = list.values().filter(|(one, _)| one.is_over());
            over.filter_map(|(_, abort)| abort.clone()).collect()
        };
        over.iter().for_each(AbortHandle::abort);
    }
}

async fn serve(
    stream: TcpStream,
    site: Arc<Site>,
    acceptor: Option<TlsAcceptor>,
    watched: Arc<Watched>,
) {
    match acceptor {
        None => speak(TokioIo::new(stream), site, watched).await,
        Some(acceptor) => {
            let greeted = tokio::time::timeout(HEADER_TIMEOUT, acceptor.accept(stream));
            if let Ok(Ok(stream)) = greeted.await {
                speak(TokioIo::new(stream), site, watched).await;
            }
        }
    }
}

async fn speak(stream: impl Read + Write + Unpin, site: Arc<Site>, watched: Arc<Watched>) {
    let service = service_fn(move |request| {
        let (site, busy) = (Arc::clone(&site), watched.begin());
        async move { Ok::<_, Infallible>(site.answer(request, busy).await) }
    });
    // The header timeout needs a timer; without one it would be silently off.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(stream, service);
    // A client that misbehaves or goes away is its own affair.
    let _ = connection.await;
}
