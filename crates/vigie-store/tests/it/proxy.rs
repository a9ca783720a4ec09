//! A proxy between the driver and a MongoDB server, which breaks what passes through it in the way that a test wants, and
//! remembers what was really sent.

#![allow(dead_code, reason = "two test binaries use different parts of it")]

use std::{
    collections::HashMap,
    io::{Cursor, ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use bson::{Bson, Document, doc};

/// What happens to a command.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The connection breaks before the server has it.
    CutBefore,
    /// The server executes it, and the connection breaks before the answer.
    CutAfter,
    /// The server gets and executes the first half of its documents; then the connection breaks.
    CutMidway,
    /// The server executes it, and answers late.
    Slow(Duration),
    /// There is never an answer.
    Silent,
    /// The server is no longer the primary.
    NotPrimary,
    /// The server is stopping.
    Stopping,
    /// A document is refused, as if there were one of its `_id`.
    Duplicate,
    /// The server executes it, but no majority confirms it in time.
    NoMajority,
    /// The answer is not one.
    Malformed,
    /// This is called before the server gets it.
    Call(Arc<dyn Fn() + Send + Sync>),
}

/// Those that a seed chooses from.
const ANY: [Fault; 8] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::CutMidway,
    Fault::NotPrimary,
    Fault::Stopping,
    Fault::Duplicate,
    Fault::NoMajority,
    Fault::Malformed,
];

/// What the server pretends to be.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mask {
    /// The primary of a replica set, with sessions and retryable writes: an answer is given again when its write
    /// comes again.
    pub(crate) primary: bool,
    /// Not `FerretDB`.
    pub(crate) full: bool,
}

struct Rule {
    command: &'static str,
    skip: usize,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct State {
    upstream: String,
    mask: Mask,
    away: bool,
    stopped: bool,
    rules: Vec<Rule>,
    chaos: Option<(u64, u64)>,
    seen: Vec<Document>,
    injected: usize,
    answered: HashMap<String, Document>,
    open: Vec<TcpStream>,
    address: String,
}

/// A running proxy; it stops when dropped.
pub(crate) struct Proxy {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `host:port` of a connection string.
fn host(uri: &str) -> String {
    let rest = uri.strip_prefix("mongodb://").unwrap();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.get(..end).unwrap().to_owned()
}

impl Proxy {
    /// A proxy in front of the server with this connection string.
    pub(crate) fn start(server: &str, mask: Mask) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            upstream: host(server),
            mask,
            address: address.to_string(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let of_thread = state.clone();
        thread::spawn(move || accept(&of_thread, listener, address));
        Self { state, address }
    }

    /// The connection string of a database behind the proxy.
    pub(crate) fn uri(&self, database: &str) -> String {
        format!("mongodb://{}/{database}", self.address)
    }

    /// From the `skip`th such command on, `times` of them meet a fault. `*` is any command but a greeting.
    pub(crate) fn inject(&self, command: &'static str, skip: usize, times: usize, fault: Fault) {
        lock(&self.state).rules.push(Rule {
            command,
            skip,
            times,
            fault,
        });
    }

    /// Of a thousand commands, `per_mille` meet a fault that a seed chooses.
    pub(crate) fn chaos(&self, seed: u64, per_mille: u64) {
        lock(&self.state).chaos = Some((seed, per_mille));
    }

    /// No more faults. Returns how many there were.
    pub(crate) fn calm(&self) -> usize {
        let mut state = lock(&self.state);
        state.rules.clear();
        state.chaos = None;
        state.injected
    }

    /// Breaks all connections, and refuses new ones.
    pub(crate) fn go_away(&self) {
        let mut state = lock(&self.state);
        state.away = true;
        for stream in state.open.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Accepts connections again; to another server, if one is given.
    pub(crate) fn come_back(&self, server: Option<&str>) {
        {
            let mut state = lock(&self.state);
            state.away = false;
            if let Some(server) = server {
                state.upstream = host(server);
            }
        }
        while TcpStream::connect(self.address).is_err() {
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The commands of this name that were sent, with all their documents in them.
    pub(crate) fn seen(&self, command: &str) -> Vec<Document> {
        let state = lock(&self.state);
        let named = state.seen.iter();
        named
            .filter(|seen| seen.keys().next().is_some_and(|name| name == command))
            .cloned()
            .collect()
    }

    /// Forgets what was sent.
    pub(crate) fn forget(&self) {
        lock(&self.state).seen.clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.stopped = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(state: &Arc<Mutex<State>>, listener: TcpListener, address: SocketAddr) {
    listener.set_nonblocking(true).unwrap();
    let mut listener = Some(listener);
    loop {
        let (away, stopped) = {
            let state = lock(state);
            (state.away, state.stopped)
        };
        if stopped {
            return;
        }
        if away {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).ok();
            if let Some(listener) = &listener {
                listener.set_nonblocking(true).unwrap();
            }
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => {
                client.set_nonblocking(false).unwrap();
                client.set_nodelay(true).unwrap();
                let state = state.clone();
                thread::spawn(move || serve(&state, client));
            }
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Passes on commands and answers, until the connection ends on one side.
fn serve(state: &Mutex<State>, mut client: TcpStream) {
    let upstream = {
        let mut state = lock(state);
        if state.away {
            return;
        }
        state.open.push(client.try_clone().unwrap());
        state.upstream.clone()
    };
    let done = TcpStream::connect(upstream).and_then(|mut server| {
        server.set_nodelay(true)?;
        loop {
            let mut command = Message::read(&mut client)?;
            let Some(answer) = pass(state, &mut command, &mut server)? else {
                return Ok(());
            };
            client.write_all(&answer)?;
        }
    });
    // Whatever ended it, both sides are to know.
    drop(done);
    let _ = client.shutdown(Shutdown::Both);
}

/// The bytes of the answer to a command; `None` breaks the connection.
fn pass(
    state: &Mutex<State>,
    command: &mut Message,
    server: &mut TcpStream,
) -> std::io::Result<Option<Vec<u8>>> {
    let name = command.body.keys().next().unwrap().clone();
    let greeting = ["hello", "ismaster", "isMaster"].contains(&name.as_str());
    let (mask, fault) = {
        let mut state = lock(state);
        let fault = if greeting { None } else { state.fault(&name) };
        if !greeting {
            state.injected += usize::from(fault.is_some());
            let seen = command.whole();
            state.seen.push(seen);
        }
        (state.mask, fault)
    };
    // The server behind knows nothing of these.
    let session = command.body.remove("lsid");
    let number = command.body.remove("txnNumber");
    command.body.remove("$clusterTime");
    let write = number.map(|number| format!("{session:?} {number}"));

    let retryable = write.is_some();
    let refuse = |code: i32, name: &str, words: &str| {
        let labels: Vec<&str> = if retryable {
            vec!["RetryableWriteError"]
        } else {
            Vec::new()
        };
        doc! { "ok": 0.0, "code": code, "codeName": name, "errmsg": words, "errorLabels": labels }
    };
    let request = command.request;
    let documents = command.documents();
    match &fault {
        Some(Fault::CutBefore) => return Ok(None),
        Some(Fault::CutMidway) if documents > 1 => {
            command.keep(documents / 2);
            command.ask(server)?;
            return Ok(None);
        }
        Some(Fault::Silent) => {
            // Until the other side gives up, or the proxy stops.
            while !lock(state).stopped {
                thread::sleep(Duration::from_millis(20));
            }
            return Ok(None);
        }
        Some(Fault::NotPrimary) => {
            let said = refuse(10107, "NotWritablePrimary", "not primary");
            return Ok(Some(answer(request, &said)));
        }
        Some(Fault::Stopping) => {
            let words = "interrupted at shutdown";
            let said = refuse(11600, "InterruptedAtShutdown", words);
            return Ok(Some(answer(request, &said)));
        }
        Some(Fault::Duplicate) if documents > 0 => {
            let error = doc! { "index": 0, "code": 11000, "errmsg": "E11000 duplicate key error" };
            command.drop_first();
            let mut said = doc! { "n": 0, "ok": 1.0 };
            if documents > 1 {
                said = command.ask(server)?;
            }
            said.insert("writeErrors", vec![error]);
            return Ok(Some(answer(request, &said)));
        }
        Some(Fault::Malformed) => {
            let mut nonsense = answer(request, &doc! { "ok": 1.0 });
            let length = nonsense.len();
            nonsense[length - 10..].fill(0xFF);
            return Ok(Some(nonsense));
        }
        Some(Fault::Call(call)) => call(),
        _ => {}
    }

    let known = write
        .as_ref()
        .and_then(|write| lock(state).answered.get(write).cloned());
    let mut said = match known {
        Some(said) => said,
        None => command.ask(server)?,
    };
    if let Some(write) = write {
        lock(state).answered.insert(write, said.clone());
    }
    match fault {
        Some(Fault::CutAfter | Fault::CutMidway) => return Ok(None),
        Some(Fault::Slow(time)) => thread::sleep(time),
        Some(Fault::NoMajority) if documents > 0 => {
            said.insert("writeConcernError", doc! {
                "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting for replication timed out",
                "errInfo": { "wtimeout": true },
            });
        }
        _ => {}
    }
    if greeting && mask.primary {
        let address = lock(state).address.clone();
        said.extend(doc! {
            "setName": "vigie", "hosts": [&address], "me": &address, "primary": &address, "setVersion": 1,
            "ismaster": true, "isWritablePrimary": true, "secondary": false, "logicalSessionTimeoutMinutes": 30,
        });
    }
    if name == "buildInfo" && mask.full {
        said.remove("ferretdbVersion");
    }
    Ok(Some(answer(request, &said)))
}

impl State {
    /// What happens to the next command of this name.
    fn fault(&mut self, name: &str) -> Option<Fault> {
        for rule in &mut self.rules {
            if rule.command != "*" && rule.command != name {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 {
                rule.times -= 1;
                return Some(rule.fault.clone());
            }
        }
        let (seed, per_mille) = self.chaos.as_mut()?;
        (random(seed) % 1000 < *per_mille).then(|| {
            let choice = random(seed) % ANY.len() as u64;
            ANY[choice as usize].clone()
        })
    }
}

/// The generator `SplitMix64`.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// `OP_MSG`.
struct Message {
    request: i32,
    body: Document,
    sequences: Vec<(String, Vec<Document>)>,
}

const OP_MSG: i32 = 2013;

fn broken(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, what)
}

impl Message {
    fn read(stream: &mut TcpStream) -> std::io::Result<Self> {
        let mut header = [0; 16];
        stream.read_exact(&mut header)?;
        let [length, request, _, operation] =
            [0, 4, 8, 12].map(|at| i32::from_le_bytes(header[at..at + 4].try_into().unwrap()));
        if operation != OP_MSG {
            return Err(broken(format!("operation {operation}")));
        }
        let mut rest = vec![0; usize::try_from(length).map_err(broken)? - 16];
        stream.read_exact(&mut rest)?;
        let end = rest.len() as u64;
        let mut rest = Cursor::new(rest);
        rest.set_position(4);
        let mut message = Self {
            request,
            body: Document::new(),
            sequences: Vec::new(),
        };
        while rest.position() < end {
            let mut kind = [0];
            rest.read_exact(&mut kind)?;
            if kind == [0] {
                message.body = Document::from_reader(&mut rest).map_err(broken)?;
                continue;
            }
            let begin = rest.position();
            let mut size = [0; 4];
            rest.read_exact(&mut size)?;
            let size = u64::from(u32::from_le_bytes(size));
            let mut name = Vec::new();
            loop {
                let mut byte = [0];
                rest.read_exact(&mut byte)?;
                if byte == [0] {
                    break;
                }
                name.push(byte[0]);
            }
            let mut documents = Vec::new();
            while rest.position() < begin + size {
                documents.push(Document::from_reader(&mut rest).map_err(broken)?);
            }
            let name = String::from_utf8(name).map_err(broken)?;
            message.sequences.push((name, documents));
        }
        Ok(message)
    }

    /// The command as one document.
    fn whole(&self) -> Document {
        let mut whole = self.body.clone();
        for (name, documents) in &self.sequences {
            whole.insert(name, documents.clone());
        }
        whole
    }

    /// The documents of a write, wherever they stand in the message.
    fn change(&mut self, change: impl Fn(&mut Vec<Bson>)) -> usize {
        if let Some((_, documents)) = self.sequences.first_mut() {
            let mut list: Vec<Bson> = documents.drain(..).map(Bson::Document).collect();
            change(&mut list);
            *documents = list
                .into_iter()
                .map(|document| document.as_document().unwrap().clone())
                .collect();
            return documents.len();
        }
        for name in ["documents", "updates", "deletes"] {
            if let Ok(list) = self.body.get_array_mut(name) {
                change(list);
                return list.len();
            }
        }
        0
    }

    fn documents(&mut self) -> usize {
        self.change(|_| ())
    }

    fn keep(&mut self, most: usize) {
        self.change(|list| list.truncate(most));
    }

    fn drop_first(&mut self) {
        self.change(|list| {
            list.remove(0);
        });
    }

    /// Has the server execute it.
    fn ask(&self, server: &mut TcpStream) -> std::io::Result<Document> {
        let mut bytes = vec![0];
        bytes.extend(self.body.to_vec().map_err(broken)?);
        for (name, documents) in &self.sequences {
            let mut section = name.as_bytes().to_vec();
            section.push(0);
            for document in documents {
                section.extend(document.to_vec().map_err(broken)?);
            }
            bytes.push(1);
            bytes.extend((section.len() as u32 + 4).to_le_bytes());
            bytes.extend(section);
        }
        server.write_all(&framed(self.request, 0, &bytes))?;
        Ok(Self::read(server)?.body)
    }
}

fn framed(request: i32, response_to: i32, sections: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(sections.len() + 20);
    let length = i32::try_from(sections.len() + 20).unwrap();
    for number in [length, request, response_to, OP_MSG, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(sections);
    bytes
}

fn answer(request: i32, said: &Document) -> Vec<u8> {
    let mut section = vec![0];
    section.extend(said.to_vec().unwrap());
    framed(0, request, &section)
}
