//! The file: opened, made, locked, and moved aside where it is damaged.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use super::{Failure, HistoryConfig, HistoryError, int, uint};

/// The name of the database in its folder.
pub const FILE_NAME: &str = "history.sqlite";

/// What a damaged database is called from then on; of several the last is kept.
const DAMAGED_NAME: &str = "history.damaged.sqlite";

/// Who writes a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A sensor, which adds to it.
    Sensor,
    /// A replay, which replaces that of an earlier one.
    Replay,
}

/// A history that is being written. Only one process may.
#[derive(Debug)]
pub struct History {
    pub(super) connection: Connection,
    pub(super) config: HistoryConfig,
    /// The number of this run, by which its hours of countries are told apart.
    pub(super) run: i64,
    /// Whether the file could be opened; otherwise each write tries again.
    pub(super) is_open: bool,
    folder: PathBuf,
    origin: Origin,
    /// Held for the whole run.
    _lock: File,
}

/// A history, and what was found when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The history.
    pub history: History,
    /// What the operator should know.
    pub notes: Vec<String>,
}

impl History {
    /// Opens the history of a folder, which is made if there is none. A file that is damaged, or
    /// of another version of this program, is moved aside.
    ///
    /// # Errors
    /// Where the folder cannot be used, another process writes it, or a replay would replace
    /// what a sensor has seen.
    pub fn open(
        folder: &Path,
        config: &HistoryConfig,
        origin: Origin,
    ) -> Result<Opened, HistoryError> {
        fs::create_dir_all(folder).map_err(failed(folder, "make"))?;
        let lock = lock(folder)?;
        let path = folder.join(FILE_NAME);
        let mut notes = Vec::new();
        let mut is_open = true;
        if origin == Origin::Replay && path.exists() {
            if is_of_sensor(&path) {
                return Err(HistoryError::OfSensor(path));
            }
            remove(folder)?;
        }
        let connection = match begin(&path, config, origin) {
            Ok(connection) => connection,
            Err(error) if error.failure() == Failure::Damaged => {
                notes.push(move_aside(folder, &error)?);
                begin(&path, config, origin)?
            }
            Err(error @ HistoryError::Database { .. })
                if origin == Origin::Sensor && error.failure() == Failure::Unwritable =>
            {
                // A full disk is no reason to see nothing.
                is_open = false;
                notes.push(format!(
                    "ALARM: {error}: no history is kept until the disk takes it; look at it with \
                     `borderflow doctor`"
                ));
                Connection::open_in_memory().map_err(database(&path))?
            }
            Err(error) => return Err(error),
        };
        let run = match is_open {
            true => number_run(&connection).map_err(database(&path))?,
            false => 0,
        };
        let history = Self {
            connection,
            config: config.clone(),
            run,
            is_open,
            folder: folder.to_owned(),
            origin,
            _lock: lock,
        };
        Ok(Opened { history, notes })
    }

    /// Moves a file that has turned out to be damaged aside and begins a new one. Returns what
    /// the operator should know.
    ///
    /// # Errors
    /// Where the file cannot be moved, or no new one be made.
    pub fn begin_anew(&mut self, error: &HistoryError) -> Result<String, HistoryError> {
        let path = self.path();
        // The damaged one is closed before it is moved.
        self.connection = Connection::open_in_memory().map_err(database(&path))?;
        let note = move_aside(&self.folder, error)?;
        self.connection = begin(&path, &self.config, self.origin)?;
        self.run = number_run(&self.connection).map_err(database(&path))?;
        Ok(note)
    }

    /// Opens the file of a sensor that could not be opened, or begins another where it is gone.
    pub(super) fn open_again(&mut self) -> Result<(), HistoryError> {
        let path = self.path();
        self.is_open = false;
        self.connection = Connection::open_in_memory().map_err(database(&path))?;
        if !path.exists() {
            // The journals of one that is gone are of no use to another.
            remove(&self.folder)?;
        }
        self.connection = begin(&path, &self.config, self.origin)?;
        self.run = number_run(&self.connection).map_err(database(&path))?;
        self.is_open = true;
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE_NAME)
    }
}

impl Drop for History {
    /// Puts all into the one file, where nobody reads it just now.
    fn drop(&mut self) {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        // What stays in the journal is read from there.
        let _ = self.connection.query_row(checkpoint, [], |_| Ok(()));
    }
}

/// Takes the lock of a folder, which ends with the file.
fn lock(folder: &Path) -> Result<File, HistoryError> {
    let path = folder.join("history.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(failed(&path, "open"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HistoryError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(&path, "lock")(error)),
    }
}

/// Opens a file, and makes its tables if it is new.
fn begin(path: &Path, config: &HistoryConfig, origin: Origin) -> Result<Connection, HistoryError> {
    make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let mut connection = opened.map_err(database(path))?;
    prepare(&mut connection, path, config, origin).map_err(|error| match error {
        rusqlite::Error::SqliteFailure(..) => database(path)(error),
        // It is a database, and not one of ours.
        _ => database(path)(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB),
            Some("it has the tables of another version or another program".to_owned()),
        )),
    })?;
    Ok(connection)
}

/// Makes a file that only its owner may read. Those that SQLite puts beside it are like it.
fn make_private(path: &Path) -> Result<(), HistoryError> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o640);
    }
    options.open(path).map_err(failed(path, "open"))?;
    Ok(())
}

fn prepare(
    connection: &mut Connection,
    path: &Path,
    config: &HistoryConfig,
    origin: Origin,
) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let is_new = has_no_table(connection)?;
    if !is_new {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        if (number("application_id")?, number("user_version")?) != (APPLICATION_ID, SCHEMA_VERSION)
        {
            return Err(rusqlite::Error::InvalidQuery);
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_MAX)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = config.size_bytes_max / uint(page).max(1);
    connection.pragma_update(None, "max_page_count", int(pages.max(PAGES_MIN)))?;
    if is_new {
        let transaction = connection.transaction()?;
        transaction.execute_batch(&schema::create())?;
        let name = match origin {
            Origin::Sensor => "sensor",
            Origin::Replay => "replay",
        };
        let about = "INSERT INTO about (key, value) VALUES ('origin', ?1)";
        transaction.execute(about, [name])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.execute_batch(&schema::extend())?;
        return transaction.commit();
    }
    connection.execute_batch(&schema::extend())?;
    // A small file is looked through; of a large one damage shows when it is met.
    if fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES_MAX) {
        let check = "PRAGMA quick_check(1)";
        let said: String = connection.query_row(check, [], |row| row.get(0))?;
        if said != "ok" {
            let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
            return Err(rusqlite::Error::SqliteFailure(damaged, Some(said)));
        }
    }
    Ok(())
}

fn number_run(connection: &Connection) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO runs (version) VALUES (?1)";
    connection.execute(insert, [env!("CARGO_PKG_VERSION")])?;
    Ok(connection.last_insert_rowid())
}

/// Whether there is nothing in it yet, as where a first start was cut short.
fn has_no_table(connection: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) FROM sqlite_schema";
    connection.query_row(query, [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

fn is_of_sensor(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let origin = Connection::open_with_flags(path, flags).and_then(|connection| {
        if has_no_table(&connection)? {
            return Ok("replay".to_owned());
        }
        let query = "SELECT value FROM about WHERE key = 'origin'";
        connection.query_row(query, [], |row| row.get::<_, String>(0))
    });
    // What cannot be read may be anybody's.
    origin.map_or(true, |origin| origin != "replay")
}

fn remove(folder: &Path) -> Result<(), HistoryError> {
    for name in ["", "-wal", "-shm"].map(|end| format!("{FILE_NAME}{end}")) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path, "remove")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn move_aside(folder: &Path, error: &HistoryError) -> Result<String, HistoryError> {
    let (path, aside) = (folder.join(FILE_NAME), folder.join(DAMAGED_NAME));
    fs::rename(&path, &aside).map_err(failed(&path, "move aside"))?;
    remove(folder)?;
    Ok(format!(
        "{error}: it cannot be used, is kept as {}, and a new history begins",
        aside.display()
    ))
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> HistoryError {
    let path = path.to_owned();
    move |source| HistoryError::Io {
        path,
        action,
        source,
    }
}

pub(super) fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> HistoryError {
    let path = path.to_owned();
    move |source| HistoryError::Database { path, source }
}

/// How long another process is waited for, which only reads.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Statements that are kept prepared.
const STATEMENTS_KEPT: usize = 64;

/// What the journal is cut back to, in bytes.
const JOURNAL_BYTES_MAX: i64 = 64 << 20;

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 16 << 10;

/// Pages that a file may have, however small its bound is.
const PAGES_MIN: u64 = 256;

/// Files up to this size are looked through when they are opened.
const CHECKED_BYTES_MAX: u64 = 64 << 20;
