//! A network and a server without a clock of their own: time passes only where the load waits for something.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use engine::call::{CallRequest, FillKind};
use engine::drive::event_loop::EventLoop;
use engine::drive::job::Job;
use engine::drive::network::{Event, Network, Wait};
use engine::registry::find;
use engine::results::Measured;
use engine::server::service::Service;
use engine::transport::TRANSPORTS;
use engine::transport::address::Address;
use engine::transport::contract::{IoModel, ServerCodec, ServerContext, Step, StreamProtocol};
use engine::transport::held::{HELD, Hold};
use engine::transport::option::{OptionValue, Options};
use engine::transport::options::TLS;
use engine::transport::outbox::Outbox;
use engine::transport::socket::{SocketOptions, Stream};
use engine::transport::tls::Identity;
use serde_json::{Value, json};

pub(crate) const MS: u64 = 1_000_000;

/// How the server and the way to it behave, in nanoseconds; times count from the beginning of the window.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    /// How long bytes take, each way.
    pub(crate) latency: u64,
    /// How long the dial of that number takes, warming up included; none where it never succeeds.
    pub(crate) dial: fn(u64) -> Option<u64>,
    /// How long the call of that number takes, from 0 in the window; none where it is never answered.
    pub(crate) service: fn(u64) -> Option<u64>,
    /// How much longer a call takes that asks this.
    pub(crate) more: fn(&CallRequest) -> u64,
    /// From when it does nothing at all, and for how long.
    pub(crate) stall: (u64, u64),
    /// After how many calls on a connection it closes that, and how much later.
    pub(crate) closes: Option<(u64, u64)>,
    /// Whether its connections are encrypted.
    pub(crate) tls: bool,
    /// From when the client process is held up, and for how long: it wakes up later than it wanted to.
    pub(crate) held_up: (u64, u64),
}

impl Server {
    pub(crate) const PROMPT: Server = Server {
        latency: MS,
        dial: |_| Some(2 * MS),
        service: |_| Some(2 * MS),
        more: |_| 0,
        stall: (0, 0),
        closes: None,
        tls: false,
        held_up: (0, 0),
    };

    /// When what would happen at `at` happens.
    pub(crate) fn awake(&self, at: u64) -> u64 {
        let (from, length) = self.stall;
        if (from..from + length).contains(&at) { from + length } else { at }
    }

    /// When the reply to a call that is sent at `at` comes, which takes `service` on a connection without others.
    pub(crate) fn reply(&self, at: u64, service: u64) -> u64 {
        self.awake(self.awake(at + self.latency) + service) + self.latency
    }
}

/// What a load on a simulated network brought.
pub(crate) struct Simulated {
    pub(crate) measured: Measured,
    /// When calls were sent that the server took, from the beginning of the window.
    pub(crate) sends: Vec<u64>,
    /// How many connections were dialled, warming up included.
    pub(crate) dials: u64,
}

/// Makes the calls of an assignment, which gives what differs from pings by one client; the whole load takes no time.
pub(crate) fn simulate(server: Server, more: Value) -> Simulated {
    let mut assignment = json!({
        "version": 1, "address": "127.0.0.1:1", "transport": "tcp", "call": "ping", "clients": 1,
        "timeout_ns": 30_000 * MS, "drain_ns": 30_000 * MS
    });
    let keys = assignment.as_object_mut().expect("an object");
    keys.extend(more.as_object().expect("an object").clone());
    let transport = find("transport", TRANSPORTS, assignment["transport"].as_str().expect("a name"));
    let IoModel::Stream(protocol) = transport.expect("a transport").io_model() else { panic!("no stream") };
    let identity = server.tls.then(|| {
        let options = Options([(TLS.name.to_owned(), OptionValue::Flag(true))].into());
        let address = "127.0.0.1:1".parse().expect("an address");
        Identity::of(&options, &protocol.alpn_served(), &address).expect("a certificate").expect("it is encrypted")
    });
    if let Some(identity) = &identity {
        assignment["options"] = json!({"tls": true});
        assignment["ca"] = identity.ca().into();
    }
    let job = Job::of(&serde_json::from_value(assignment).expect("an assignment")).expect("a job");
    let net = Net(Rc::new(RefCell::new(World::new(server, protocol, identity))));
    let mut load = EventLoop::on(net.clone(), job).expect("a load");
    load.warm_up(true).expect("the server answers");
    net.0.borrow_mut().begin();
    load.measure(&AtomicU64::new(0));
    let measured = load.measured();
    assert!(measured.counts.conserved(), "{:?}", measured.counts);
    let world = net.0.borrow();
    Simulated { measured, sends: world.sends.clone(), dials: world.dials }
}

/// Clock and wires, as all sockets and the load share them.
#[derive(Clone)]
struct Net(Rc<RefCell<World>>);

struct World {
    server: Server,
    protocol: &'static dyn StreamProtocol,
    identity: Option<Identity>,
    service: Service,
    now: u64,
    /// When the window began.
    begun: u64,
    calls: u64,
    sends: Vec<u64>,
    dials: u64,
    peers: Vec<Peer>,
    /// What will be told, by when; the second number keeps the order of what is told at once.
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    told: Vec<Event>,
}

/// The server's end of one connection, and the wire from it.
struct Peer {
    token: u64,
    codec: Box<dyn ServerCodec>,
    /// When it has answered what it was asked so far.
    free: u64,
    asked: u64,
    /// Bytes of the client that it has taken.
    taken: u64,
    closed: Option<u64>,
    /// Bytes on their way, by when they arrive.
    down: Vec<(u64, Vec<u8>)>,
}

impl World {
    fn new(server: Server, protocol: &'static dyn StreamProtocol, identity: Option<Identity>) -> Self {
        let service = Service::new("token".into(), Some((FillKind::Zeros, 0)), None);
        let (now, begun) = (0, 0);
        let (sends, peers, events, told) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        World {
            server,
            protocol,
            identity,
            service,
            now,
            begun,
            calls: 0,
            sends,
            dials: 0,
            peers,
            events,
            order: 0,
            told,
        }
    }

    fn begin(&mut self) {
        let (from, length) = self.server.stall;
        self.server.stall = (from + self.now, length);
        self.server.held_up.0 += self.now;
        (self.begun, self.calls) = (self.now, 0);
        self.sends.clear();
    }

    fn tell(&mut self, at: u64, token: u64, hung_up: bool) {
        self.order += 1;
        self.events.insert((at, self.order), Event { token, hung_up });
    }

    /// Bytes of the client have left for a peer.
    fn arrive(&mut self, which: usize, bytes: &[u8]) {
        let (now, server) = (self.now, self.server);
        let at = server.awake(now + server.latency);
        let peer = &mut self.peers[which];
        if peer.closed.is_some_and(|closed| now + server.latency >= closed) {
            return;
        }
        peer.taken += bytes.len() as u64;
        let (mut input, mut out, mut tell) = (bytes, Outbox::new(), Vec::new());
        loop {
            match peer.codec.receive(&mut input, &mut out).expect("our client keeps to the protocol") {
                Step::Read | Step::Close => break,
                Step::Write => {}
                Step::Execute { call, asked } => {
                    self.sends.push(now - self.begun);
                    let service = (server.service)(self.calls).map(|service| service + (server.more)(&asked));
                    self.calls += 1;
                    peer.asked += 1;
                    let Some(service) = service else { continue };
                    let done = server.awake(peer.free.max(at) + service);
                    peer.free = done;
                    peer.codec.answer(call, self.service.execute(asked).answer, &mut out);
                    peer.codec.fill_output(&mut out);
                    peer.down.push((done + server.latency, out.drain()));
                    tell.push((done + server.latency, false));
                    if let Some((calls, later)) = server.closes
                        && peer.asked == calls
                    {
                        peer.closed = Some(done + later);
                        tell.push((done + later + server.latency, true));
                    }
                }
            }
        }
        // What belongs to no answer, such as a handshake.
        let rest = out.drain();
        if !rest.is_empty() {
            peer.down.push((peer.free.max(at) + server.latency, rest));
            tell.push((peer.free.max(at) + server.latency, false));
        }
        let token = peer.token;
        tell.into_iter().for_each(|(at, hung_up)| self.tell(at, token, hung_up));
    }
}

impl Network for Net {
    type Socket = Wire;

    fn now_ns(&self) -> u64 {
        self.0.borrow().now
    }

    fn dial(&mut self, _: &Address, _: &SocketOptions, token: u64) -> io::Result<Wire> {
        let mut world = self.0.borrow_mut();
        let context = ServerContext {
            options: Options::default(),
            body_limit: 1 << 20,
            hold: Hold::new(HELD).expect("memory for a count"),
        };
        let codec = world.protocol.server(&context);
        let codec = match &world.identity {
            None => codec,
            Some(identity) => identity.secure(codec),
        };
        let (free, asked, taken, closed, down) = (0, 0, 0, None, Vec::new());
        world.peers.push(Peer { token, codec, free, asked, taken, closed, down });
        if let Some(took) = (world.server.dial)(world.dials) {
            let at = world.now + took;
            world.tell(at, token, false);
        }
        world.dials += 1;
        Ok(Wire { net: self.clone(), which: world.peers.len() - 1 })
    }

    fn wait(&mut self, wait: Wait) -> io::Result<usize> {
        let mut world = self.0.borrow_mut();
        if let Wait::Until { now, deadline, due } = wait {
            assert_eq!(now, world.now, "time passes in waits only");
            let next = world.events.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
            let (from, length) = world.server.held_up;
            let wakes = deadline.min(due.unwrap_or(u64::MAX)).min(next).max(now);
            // Warming up is not the subject.
            let held = world.begun > 0 && (from..from + length).contains(&wakes);
            world.now = if held { from + length } else { wakes };
            assert!(world.now < u64::MAX, "nothing will ever happen again");
        }
        let after = (world.now + 1, 0);
        let later = world.events.split_off(&after);
        let told = std::mem::replace(&mut world.events, later);
        world.told = told.into_values().collect();
        Ok(world.told.len())
    }

    fn event(&self, number: usize) -> Event {
        self.0.borrow().told[number]
    }

    fn sleep(&mut self, time: Duration) {
        self.0.borrow_mut().now += time.as_nanos() as u64;
    }
}

/// The client's end of one connection.
struct Wire {
    net: Net,
    which: usize,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut world = self.net.0.borrow_mut();
        let (now, latency) = (world.now, world.server.latency);
        let peer = &mut world.peers[self.which];
        if peer.down.first().is_some_and(|(at, _)| *at <= now) {
            let (_, bytes) = peer.down.remove(0);
            buffer[..bytes.len()].copy_from_slice(&bytes);
            return Ok(bytes.len());
        }
        match peer.closed {
            Some(closed) if closed + latency <= now => Ok(0),
            _ => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Stream for Wire {
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn quick_ack(&self) {}

    fn taken(&self, _: u64) -> u64 {
        self.net.0.borrow().peers[self.which].taken
    }

    fn write_from(&mut self, out: &mut Outbox) -> io::Result<usize> {
        let bytes = out.drain();
        self.net.0.borrow_mut().arrive(self.which, &bytes);
        Ok(bytes.len())
    }
}

/// Due times that are spaced alike, from the beginning of a window.
pub(crate) fn spaced(gap: u64, count: u64) -> Vec<u64> {
    (0..count).map(|k| k * gap).collect()
}
