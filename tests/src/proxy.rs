//! A TCP proxy that treats connections as bad networks do: it cuts, resets, stalls and slows them,
//! and loses replies. It stands between the program and a real server, in the test's own process.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use crate::seeded::Choices;

/// Most bytes that are passed on at once.
const PIECE_BYTES: usize = 16 * 1024;
/// A server that was silent for this long has said all it had to say to a request.
const SILENCE: Duration = Duration::from_millis(60);
/// Small pieces that a random fault lets pass before the connection is fast again.
const SLOW_PIECES: u64 = 300;
/// Pause between attempts to get the port back.
const REBIND_PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both directions are closed.
    Close,
    /// Both peers get a reset; what they had not read is lost.
    Reset,
    /// The direction at hand is closed and its bytes are swallowed; the other one stays.
    HalfClose,
}

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It is accepted and reset at once.
    Refuse,
    /// It ends once `after` bytes have gone one way.
    Cut {
        way: Way,
        after: u64,
        end: End,
    },
    /// After so many bytes one way, the bytes are held back for a while; then they go on, or it ends.
    Stall {
        way: Way,
        after: u64,
        pause: Duration,
        end: Option<End>,
    },
    /// A direction passes at most `piece` bytes at once, with a pause after each, for so many bytes.
    Slow {
        way: Way,
        piece: usize,
        pause: Duration,
        bytes: u64,
    },
    /// The server gets everything up to the first request that contains `request` and answers it;
    /// the answer is not passed on, and the connection ends.
    LoseReply {
        request: &'static str,
        end: End,
    },
}

impl Fault {
    /// A fault that leaves no connection of a run whole for long, at an offset up to 256 KiB; small
    /// offsets are as likely as large ones.
    pub fn random(choices: &mut Choices, requests: &[&'static str]) -> Fault {
        let way = if choices.is_heads() { Way::ToServer } else { Way::ToClient };
        let magnitude = choices.below(18);
        let after = choices.below(2 << magnitude);
        let end = [End::Close, End::Reset, End::HalfClose][choices.below(3) as usize];
        let pause = Duration::from_millis(20 + choices.below(900));
        match choices.below(10) {
            0..=3 => Fault::Cut { way, after, end },
            4 => Fault::Stall { way, after, pause, end: None },
            5 => Fault::Stall { way, after, pause, end: Some(end) },
            6 => {
                let piece = 1 + choices.below(64);
                let pause = Duration::from_millis(choices.below(3));
                Fault::Slow { way, piece: piece as usize, pause, bytes: SLOW_PIECES * piece }
            }
            7 => Fault::Refuse,
            _ if requests.is_empty() => Fault::Cut { way, after, end },
            _ => {
                let request = requests[choices.below(requests.len() as u64) as usize];
                Fault::LoseReply { request, end: if choices.is_heads() { End::Close } else { End::Reset } }
            }
        }
    }
}

/// Chooses the fault of each connection; its argument counts them from zero.
type Chooser = Box<dyn FnMut(u64) -> Fault + Send>;

/// A port in front of a server. Dropping it closes every connection.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    refusals: mpsc::UnboundedSender<Duration>,
    _runtime: Runtime,
}

struct Shared {
    server: u16,
    faults: Mutex<Faults>,
    /// Times of refusal that are wished and not over.
    refusals: AtomicU32,
    /// How the connections of the moment end; the number tells one wish from the next.
    broken: watch::Sender<(u64, End)>,
}

struct Faults {
    choose: Chooser,
    connections: u64,
    log: Vec<String>,
}

impl Proxy {
    /// Passes connections on to a port of this machine, without faults.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn to(server: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let port = listener.local_addr().expect("the address of a listener").port();
        let faults = Faults { choose: Box::new(|_| Fault::None), connections: 0, log: Vec::new() };
        let broken = watch::channel((0, End::Close)).0;
        let shared =
            Arc::new(Shared { server, faults: Mutex::new(faults), refusals: AtomicU32::new(0), broken });
        let (refusals, wishes) = mpsc::unbounded_channel();
        runtime.spawn(accept(listener, port, shared.clone(), wishes));
        Self { port, shared, refusals, _runtime: runtime }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on `choose` names the fault of each new connection.
    pub fn inject(&self, choose: impl FnMut(u64) -> Fault + Send + 'static) {
        let mut faults = self.shared.faults();
        faults.choose = Box::new(choose);
        faults.connections = 0;
    }

    /// New connections are accepted, and have no faults any more.
    pub fn calm(&self) {
        self.inject(|_| Fault::None);
        while self.shared.refusals.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(REBIND_PAUSE);
        }
    }

    /// Ends every connection of the moment.
    pub fn break_off(&self, end: End) {
        self.shared.broken.send_modify(|(wish, how)| (*wish, *how) = (*wish + 1, end));
    }

    /// Nobody listens at the port for a while.
    pub fn refuse_for(&self, time: Duration) {
        self.shared.refusals.fetch_add(1, Ordering::SeqCst);
        // The accepting task lives as long as the proxy.
        let _ = self.refusals.send(time);
    }

    /// What was done to which connection since this was last asked.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.faults().log)
    }
}

impl Shared {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self) -> Fault {
        let mut faults = self.faults();
        let number = faults.connections;
        faults.connections += 1;
        let fault = (faults.choose)(number);
        if fault != Fault::None {
            faults.log.push(format!("connection {number}: {fault:?}"));
        }
        fault
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    shared: Arc<Shared>,
    mut refusals: mpsc::UnboundedReceiver<Duration>,
) {
    let mut listener = listener;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                tokio::spawn(serve(client, shared.clone()));
            }
            wish = refusals.recv() => {
                let Some(time) = wish else { return };
                drop(listener);
                tokio::time::sleep(time).await;
                listener = rebind(port).await;
                shared.refusals.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

/// Listens at a port that was ours a moment ago, whatever connections of it linger.
async fn rebind(port: u16) -> TcpListener {
    let address = ([127, 0, 0, 1], port).into();
    loop {
        let bound = TcpSocket::new_v4().and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(64)
        });
        match bound {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(REBIND_PAUSE).await,
        }
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let mut broken = shared.broken.subscribe();
    broken.mark_unchanged();
    let fault = shared.next_fault();
    if fault == Fault::Refuse {
        let _ = client.set_zero_linger();
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", shared.server)).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let end = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let asked = AtomicBool::new(false);
        let questions = Pump::new(fault, Way::ToServer, &asked);
        let answers = Pump::new(fault, Way::ToClient, &asked);
        let both = async {
            tokio::try_join!(
                questions.run(&mut from_client, &mut to_server),
                answers.run(&mut from_server, &mut to_client)
            )
        };
        tokio::select! {
            ended = both => ended.err(),
            wish = broken.changed() => wish.is_ok().then(|| broken.borrow().1),
        }
    };
    if end == Some(End::Reset) {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// One direction of a connection, with its part of the fault.
struct Pump<'a> {
    fault: Fault,
    way: Way,
    /// The request whose reply is to be lost has been passed on.
    asked: &'a AtomicBool,
    passed: u64,
    /// The last bytes that were passed, for requests that lie across two pieces.
    tail: Vec<u8>,
}

impl<'a> Pump<'a> {
    fn new(fault: Fault, way: Way, asked: &'a AtomicBool) -> Self {
        Self { fault, way, asked, passed: 0, tail: Vec::new() }
    }

    /// Passes bytes on until they end, which closes this direction only. An error is how the whole
    /// connection is to end.
    async fn run(
        mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), End> {
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let wanted = self.wanted(buffer.len());
            if wanted == 0 {
                return self.ended(from, to).await;
            }
            let piece = match from.read(&mut buffer[..wanted]).await {
                Ok(0) => {
                    let _ = to.shutdown().await;
                    return Ok(());
                }
                Ok(read) => &buffer[..read],
                // The peer reset its side; so does the other one learn of it.
                Err(_) => return Err(End::Reset),
            };
            if self.is_lost() {
                return self.lose(from).await;
            }
            to.write_all(piece).await.map_err(|_| End::Reset)?;
            self.passed += piece.len() as u64;
            self.look_for_the_request(piece);
            self.pause().await?;
        }
    }

    /// Bytes that may be read now; none: the direction's fault is due.
    fn wanted(&self, most: usize) -> usize {
        match self.fault {
            Fault::Cut { way, after, .. } if way == self.way => {
                most.min(after.saturating_sub(self.passed) as usize)
            }
            Fault::Stall { way, after, .. } if way == self.way && self.passed < after => {
                most.min((after - self.passed) as usize)
            }
            Fault::Slow { way, piece, bytes, .. } if way == self.way && self.passed < bytes => {
                most.min(piece.max(1))
            }
            _ => most,
        }
    }

    async fn ended(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), End> {
        let Fault::Cut { end, .. } = self.fault else { return Ok(()) };
        if end != End::HalfClose {
            return Err(end);
        }
        let _ = to.shutdown().await;
        let mut swallowed = vec![0; PIECE_BYTES];
        while from.read(&mut swallowed).await.is_ok_and(|read| read > 0) {}
        Ok(())
    }

    /// Holds back, or ends, what comes after this piece.
    async fn pause(&mut self) -> Result<(), End> {
        match self.fault {
            Fault::Stall { way, after, pause, end } if way == self.way && self.passed >= after => {
                tokio::time::sleep(pause).await;
                self.fault = Fault::None;
                end.map_or(Ok(()), |end| Err(if end == End::HalfClose { End::Close } else { end }))
            }
            Fault::Slow { way, pause, bytes, .. } if way == self.way && self.passed < bytes => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn look_for_the_request(&mut self, piece: &[u8]) {
        let Fault::LoseReply { request, .. } = self.fault else { return };
        if self.way != Way::ToServer {
            return;
        }
        self.tail.extend_from_slice(piece);
        if self.tail.windows(request.len()).any(|window| window == request.as_bytes()) {
            self.asked.store(true, Ordering::SeqCst);
        }
        let kept = self.tail.len().min(request.len().saturating_sub(1));
        self.tail.drain(..self.tail.len() - kept);
    }

    fn is_lost(&self) -> bool {
        self.way == Way::ToClient && self.asked.load(Ordering::SeqCst)
    }

    /// Swallows the answer to its end.
    async fn lose(&self, from: &mut (impl AsyncRead + Unpin)) -> Result<(), End> {
        let mut swallowed = vec![0; PIECE_BYTES];
        while let Ok(Ok(1..)) = tokio::time::timeout(SILENCE, from.read(&mut swallowed)).await {}
        match self.fault {
            Fault::LoseReply { end: End::Reset, .. } => Err(End::Reset),
            _ => Err(End::Close),
        }
    }
}
