//! What a transport is, and the two ends of a stream protocol.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::own::{Material, OwnCall, Protocol, Sessions};
use crate::call::{CallError, CallRequest, CallResponse, CallSpec, Fill};
use crate::registry::Entry;
use crate::transport::held::Hold;
use crate::transport::option::{OptionSpec, Options};
use crate::transport::outbox::Outbox;
use crate::transport::peers::Peers;
use crate::transport::terms::Terms;

/// How bytes travel and calls are framed. One file implements it and one line registers it.
pub trait Transport: Entry + Sync {
    /// The options that this transport understands, for both ends.
    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    /// On what kind of address it listens.
    fn family(&self) -> Family {
        Family::Tcp
    }

    /// How it plugs in.
    fn io_model(&self) -> IoModel;

    /// By which protocol it carries calls of the user's own, where it carries them.
    fn asks(&self) -> Option<Protocol> {
        None
    }

    /// On what terms it serves calls with these options: what a fair comparison holds equal.
    fn terms(&self, options: &Options) -> Terms;

    /// What else a reader has to know of it, with these options.
    fn facts(&self, options: &Options) -> Facts;
}

/// How a transport plugs into server models and load models.
#[derive(Clone, Copy)]
pub enum IoModel {
    /// A state machine over an ordered stream of bytes: any model can host it, on any kind of IO.
    Stream(&'static dyn StreamProtocol),
    /// A library that owns its IO and runs as tasks on one thread: the model decides who executes the calls.
    Async(&'static dyn AsyncProtocol),
}

/// On what kind of address a transport listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// An address and a TCP port.
    Tcp,
    /// An abstract Unix socket.
    Unix,
    /// An address and a UDP port.
    Udp,
}

/// What a target tells about itself: short words by name, such as `encrypted: no`. Nothing is decided by them.
pub type Facts = BTreeMap<String, String>;

/// Makes the two ends of a protocol that runs over an ordered stream of bytes.
///
/// Both ends are state machines without socket, clock or task: bytes in, bytes out, replies up.
pub trait StreamProtocol: Sync {
    /// The client's end of one connection.
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec>;
    /// The server's end of one connection.
    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec>;
    /// Its name in a TLS handshake (ALPN, RFC 7301), where it has one.
    fn alpn(&self) -> Option<&'static str> {
        None
    }
    /// The names that a server takes in a TLS handshake, the one it likes best first.
    fn alpn_served(&self) -> Vec<&'static str> {
        self.alpn().into_iter().collect()
    }
}

/// What a task will give; it stays on the thread that began it.
pub type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Makes the two ends of a protocol whose library owns its IO; always encrypted.
///
/// Both ends live on the one thread of a runtime, inside a `LocalSet`, and spawn tasks there.
pub trait AsyncProtocol: Sync {
    /// Its name in a TLS handshake (ALPN, RFC 7301).
    fn alpn(&self) -> &'static str;
    /// What dials the server on `address`; the error says which option cannot be had.
    fn client(
        &self,
        context: &ClientContext,
        address: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
    ) -> crate::error::Result<Box<dyn AsyncClient>>;
    /// Serves those of `peers` for as long as it is polled, and `executors` execute their calls; the error says which
    /// option cannot be had.
    fn serve(
        &self,
        context: &ServerContext,
        socket: UdpSocket,
        peers: Peers,
        tls: Arc<rustls::ServerConfig>,
        executors: Executors,
    ) -> crate::error::Result<LocalBoxFuture<'static, ()>>;
}

/// Dials one server.
pub trait AsyncClient {
    /// A new connection once its handshake is complete.
    fn dial(&self) -> LocalBoxFuture<'_, Result<Rc<dyn AsyncConnection>, CallError>>;
    /// Lets the goodbyes of closed connections leave.
    fn rest(&self) -> LocalBoxFuture<'_, ()>;
}

/// The client's end of one connection, on which calls may overlap.
pub trait AsyncConnection {
    /// Makes a call. `content` asks that every byte of the reply's body is compared, not only its length.
    ///
    /// A call that is dropped is cancelled, and others on the connection go on. A fault means that the connection is
    /// unusable. A call that the server certainly never took fails with a fault that says so.
    fn call(&self, ask: CallSpec, content: bool) -> LocalBoxFuture<'_, Result<Reply, CallError>>;
    /// False once the server has closed the connection, or has said that it takes no more calls on it.
    fn accepts(&self) -> bool;
    /// Bytes sent and received so far, in the payloads of datagrams.
    fn wire(&self) -> (u64, u64);
    /// Protocol messages that this end has sent so far.
    fn messages(&self) -> u64;
    /// Says goodbye and closes.
    fn close(&self);
}

/// Executes the calls of one connection in the way of a server model.
pub trait Executor {
    /// The answer to a call.
    fn execute(&self, asked: CallRequest) -> LocalBoxFuture<'static, CallResponse>;
}

/// Makes the executor of a new connection, or none where the model cannot take another.
pub type Executors = Box<dyn Fn() -> Option<Rc<dyn Executor>>>;

/// What the client's end of a connection is told once.
#[derive(Debug, Clone)]
pub struct ClientContext {
    /// The bytes that are sent, and that downloads must consist of.
    pub fill: Arc<Fill>,
    /// The options of the target.
    pub options: Options,
    /// What the server is called in protocols that name it, such as `127.0.0.1:40123`.
    pub authority: String,
    /// The calls of the user's own, by their index; where there are some, nothing else is asked.
    pub own: Arc<[OwnCall]>,
    /// What clients were given by replies to those.
    pub sessions: Arc<Sessions>,
}

/// What the server's end of a connection is told once.
#[derive(Debug, Clone)]
pub struct ServerContext {
    /// The options of the target.
    pub options: Options,
    /// The longest body that is taken in, in bytes; what is longer is refused without allocating it.
    pub body_limit: u64,
    /// What the server holds of bodies until they are sent back, all connections together.
    pub hold: Hold,
}

impl ClientContext {
    /// What asks the calls of the service on a server of that name, with these options.
    pub fn of_service(fill: Arc<Fill>, options: Options, authority: impl Into<String>) -> Self {
        let sessions = Arc::new(Sessions::new(0, Vec::new(), false));
        ClientContext { fill, options, authority: authority.into(), own: Arc::new([]), sessions }
    }
}

/// The client's end of one connection.
///
/// A connection has a number of slots, which is how many calls may be in flight on it; most protocols have one.
/// After each method the caller writes what is in the outbox. Whenever the outbox has run empty
/// it calls `produce`, and stops writing when that adds nothing.
pub trait ClientCodec: Send {
    /// Begins the next stage of what is said before the first call; true where a reply to it must be awaited
    /// (`receive` then returns it like any other). Asked again after each such reply, until it returns false.
    fn open(&mut self, out: &mut Outbox) -> bool {
        let _ = out;
        false
    }

    /// True once a handshake has made the connection encrypted.
    fn is_encrypted(&self) -> bool {
        false
    }

    /// What a handshake has agreed on, in words, where there was one.
    fn negotiated(&self) -> Option<String> {
        None
    }

    /// How many calls may be in flight; they are told apart by their slot, from 0.
    fn max_in_flight(&self) -> usize {
        1
    }

    /// False once the server has said that it takes no more calls on this connection; those that it has go on.
    fn accepts(&mut self) -> bool {
        true
    }

    /// Begins a call on a slot that has none. `content` asks that every byte of the reply's body is compared, not
    /// only its length.
    fn call(&mut self, slot: usize, ask: &CallSpec, content: bool, out: &mut Outbox);

    /// Forgets the call on a slot; true where the slot and its connection are then as good as new.
    fn cancel(&mut self, slot: usize, out: &mut Outbox) -> bool {
        let _ = (slot, out);
        false
    }

    /// Takes bytes from the front of `input`, all of them unless it returns a reply.
    ///
    /// After a reply it is called again with what is left, be that nothing: where there are several slots, more
    /// replies may be ready. A protocol may need to write
    /// (rpyc answers call-backs) before a reply comes. An error means that the connection is unusable.
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError>;

    /// What is wrong with the reply that was given last for that slot and seemed right, where only work that is not the
    /// call's own tells it. Asked once the reply's time was taken, before the slot has another call.
    fn inspect(&mut self, slot: usize) -> Result<(), CallError> {
        let _ = slot;
        Ok(())
    }

    /// What that reply gives its client, where it was not given with it; asked after [`ClientCodec::inspect`].
    fn material(&mut self, slot: usize) -> Option<Box<Material>> {
        let _ = slot;
        None
    }

    /// Appends the next piece of a body that is being sent, if one is.
    fn fill_output(&mut self, out: &mut Outbox) {
        let _ = out;
    }

    /// The peer has closed its side: a reply where the close itself ends one, else the fault it is.
    fn hung_up(&mut self) -> Result<Reply, CallError> {
        Err(CallError::connect("the server closed the connection before its reply was complete"))
    }

    /// Says goodbye where the protocol has a word for it.
    fn close(&mut self, out: &mut Outbox) {
        let _ = out;
    }

    /// True where clients of this protocol wait after their goodbye until the server closes, as RPyC's do: what it still
    /// says until then belongs to the connection.
    fn awaits_close(&self) -> bool {
        false
    }

    /// Protocol messages that this end has sent so far.
    fn messages(&self) -> u64;

    /// True where the peer holds back small segments until earlier ones are acknowledged (Nagle, seen with
    /// real rpyc), so that each read has to be acknowledged at once lest the peer wait 40 ms.
    fn quick_ack(&self) -> bool {
        false
    }
}

/// What came back for a call.
#[derive(Debug)]
pub struct Reply {
    /// The slot of the call that it answers.
    pub slot: usize,
    /// Whether it is the answer that was asked for. A call that the server certainly never took fails with a fault
    /// that says so ([`Cause::Untaken`](crate::call::Cause)).
    pub verdict: Result<(), CallError>,
    /// Whether the connection can carry another call.
    pub reusable: bool,
    /// The text of the answer to [`CallSpec::Nonce`].
    pub nonce: Option<String>,
    /// Bytes of the bodies of a call of the user's own, up and down; of other calls they are known.
    pub carried: (u64, u64),
    /// What a call of the user's own gives its client, to be looked into once the reply's time is known.
    pub material: Option<Box<Material>>,
}

impl Reply {
    /// The answer that was asked for on slot 0, on a connection that lives on.
    pub const fn ok() -> Self {
        Reply { slot: 0, verdict: Ok(()), reusable: true, nonce: None, carried: (0, 0), material: None }
    }

    /// Bytes of payload up and down, as the answer to that call.
    pub fn payload(&self, ask: &CallSpec) -> (u64, u64) {
        match ask {
            CallSpec::Ping => (0, 0),
            CallSpec::Own(_) => self.carried,
            ask => (ask.payload_up(), ask.payload_down()),
        }
    }
}

/// The server's end of one connection.
///
/// The same rules for writing as for [`ClientCodec`]. Calls are executed by the server model; the codec holds
/// whatever handler is waiting for the client meanwhile.
pub trait ServerCodec: Send {
    /// Takes bytes from the front of `input`: all of them, or up to the end of a call to be executed or of one that was
    /// answered at once.
    ///
    /// A fault means that the peer broke the protocol: what is in the outbox (a last error reply)
    /// is still written, then the connection is closed. It is called until it says that it wants more.
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, CallError>;

    /// True where it takes bytes while calls wait for their answers; otherwise each call is answered first.
    fn overlaps(&self) -> bool {
        false
    }

    /// Answers the call that `receive` returned under that number.
    fn answer(&mut self, call: u64, answer: CallResponse, out: &mut Outbox) -> Next;

    /// Appends the next piece of a body that is being sent, if one is.
    fn fill_output(&mut self, out: &mut Outbox) {
        let _ = out;
    }
}

/// What a server has to do after it gave bytes to its codec.
#[derive(Debug)]
pub enum Step {
    /// Read more.
    Read,
    /// Write what is in the outbox, then ask again: more replies are due than shall wait in memory.
    Write,
    /// Execute this call, then `answer` it.
    Execute {
        /// Its number on this connection.
        call: u64,
        /// What it asks.
        asked: CallRequest,
    },
    /// Write what is in the outbox, then close.
    Close,
}

/// What follows an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The connection goes on.
    Continue,
    /// Write what is in the outbox, then close.
    Close,
}
