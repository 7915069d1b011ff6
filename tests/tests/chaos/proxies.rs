//! The proxy does to connections what it says.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use syncline_tests::postgres::Server;
use syncline_tests::proxy::{End, Fault, Proxy, Way};
use syncline_tests::seeded::Choices;

/// What a server got of one connection, and how that ended.
type Received = (Vec<u8>, std::io::Result<()>);

/// A server of one connection that sends `answer` at once and then reads to the end.
fn server(answer: Vec<u8>) -> (u16, JoinHandle<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut writer = client.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            let _ = writer.write_all(&answer);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let received = read(&mut client);
        sending.join().unwrap();
        received
    });
    (port, serving)
}

fn read(stream: &mut TcpStream) -> Received {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).map(|_| ());
    (bytes, end)
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 31 % 251) as u8).collect()
}

/// Sends `question` through a proxy with this fault to a server that answers `answer`: what the server
/// and the client got.
fn exchange(fault: Fault, question: &[u8], answer: &[u8]) -> (Received, Received) {
    let (port, serving) = server(answer.to_vec());
    let proxy = Proxy::to(port);
    proxy.inject(move |_| fault);
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let mut writer = client.try_clone().unwrap();
    let question = question.to_vec();
    let sending = std::thread::spawn(move || {
        let _ = writer.write_all(&question);
        let _ = writer.shutdown(Shutdown::Write);
    });
    let at_client = read(&mut client);
    sending.join().unwrap();
    (serving.join().unwrap(), at_client)
}

#[test]
fn without_a_fault_everything_passes() {
    let (question, answer) = (bytes(100_000), bytes(200_001));
    let (at_server, at_client) = exchange(Fault::None, &question, &answer);
    assert!(at_server.0 == question && at_server.1.is_ok());
    assert!(at_client.0 == answer && at_client.1.is_ok());
}

#[test]
fn a_cut_falls_at_the_very_byte_in_either_direction() {
    for after in [0, 1, 999, 16_384, 16_385, 70_000] {
        let (question, answer) = (bytes(100_000), bytes(100_000));
        let cut = |way| Fault::Cut { way, after, end: End::Close };
        let (_, (received, end)) = exchange(cut(Way::ToClient), &[], &answer);
        assert!(received == answer[..after as usize], "{} of {after} bytes", received.len());
        assert!(end.is_ok());
        let ((received, _), _) = exchange(cut(Way::ToServer), &question, &[]);
        assert!(received == question[..after as usize], "{} of {after} bytes", received.len());
    }
}

#[test]
fn a_reset_reaches_both_peers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().port());
    proxy.inject(|_| Fault::Cut { way: Way::ToClient, after: 10, end: End::Reset });
    // Neither peer ends the connection.
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let (mut at_server, _) = listener.accept().unwrap();
    at_server.write_all(&bytes(100)).unwrap();
    assert_eq!(read(&mut client).1.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(read(&mut at_server).1.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_half_close_ends_one_direction_and_leaves_the_other() {
    let (question, answer) = (bytes(100_000), bytes(50_000));
    let half = Fault::Cut { way: Way::ToClient, after: 1_000, end: End::HalfClose };
    let (at_server, at_client) = exchange(half, &question, &answer);
    assert!(at_client.0 == answer[..1_000] && at_client.1.is_ok());
    assert!(at_server.0 == question && at_server.1.is_ok());
}

#[test]
fn a_stall_holds_bytes_back_and_lets_them_go_or_ends_the_connection() {
    let pause = Duration::from_millis(300);
    let answer = bytes(40_000);
    let started = Instant::now();
    let stall = |end| Fault::Stall { way: Way::ToClient, after: 5_000, pause, end };
    let (_, at_client) = exchange(stall(None), &[], &answer);
    assert!(at_client.0 == answer && at_client.1.is_ok());
    assert!(started.elapsed() >= pause);
    let (_, at_client) = exchange(stall(Some(End::Reset)), &[], &answer);
    assert_eq!(at_client.1.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_slow_direction_delivers_everything_in_small_pieces() {
    let question = bytes(4_000);
    let slow = Fault::Slow { way: Way::ToServer, piece: 7, pause: Duration::from_millis(1), bytes: 700 };
    let started = Instant::now();
    let (at_server, _) = exchange(slow, &question, &[]);
    assert!(at_server.0 == question && at_server.1.is_ok());
    assert!(started.elapsed() >= Duration::from_millis(100), "100 pieces with a pause each");
}

#[test]
fn a_refused_connection_is_reset_and_a_closed_port_refuses_for_its_time() {
    let (port, _serving) = server(Vec::new());
    let proxy = Proxy::to(port);
    proxy.inject(|number| if number == 0 { Fault::Refuse } else { Fault::None });
    // The reset may come while we still connect.
    if let Ok(mut client) = TcpStream::connect(("127.0.0.1", proxy.port())) {
        assert_eq!(read(&mut client).1.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    proxy.refuse_for(Duration::from_millis(200));
    let refused = || {
        TcpStream::connect(("127.0.0.1", proxy.port()))
            .is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
    };
    wait_for(refused);
    wait_for(|| !refused());
}

#[test]
fn connections_that_are_broken_off_end_while_they_are_idle() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().port());
    for end in [End::Close, End::Reset] {
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        let (mut at_server, _) = listener.accept().unwrap();
        // Only a connection that has carried something is surely being served.
        client.write_all(b"x").unwrap();
        at_server.read_exact(&mut [0]).unwrap();
        proxy.break_off(end);
        assert_eq!(read(&mut client).1.is_err(), end == End::Reset);
        assert_eq!(read(&mut at_server).1.is_err(), end == End::Reset);
    }
}

#[test]
fn a_lost_reply_leaves_the_commit_at_the_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Server::shared().database());
    let proxy = Proxy::to(database.port());
    runtime.block_on(async {
        let direct = database.client().await;
        direct.batch_execute("create table t (id int)").await.unwrap();
        proxy.inject(|_| Fault::LoseReply { request: "COMMIT", end: End::Close });
        let (client, connection) =
            tokio_postgres::connect(&database.url_at(proxy.port()), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; insert into t values (1)").await.unwrap();
        client.batch_execute("COMMIT").await.expect_err("the answer is lost");
        let count: i64 = direct.query_one("select count(*) from t", &[]).await.unwrap().get(0);
        assert_eq!(count, 1);
    });
}

#[test]
fn a_seed_repeats_its_faults() {
    let faults = |seed| {
        let mut choices = Choices::new(seed);
        (0..50).map(|_| Fault::random(&mut choices, &["COMMIT"])).collect::<Vec<_>>()
    };
    assert_eq!(faults(1), faults(1));
    assert_ne!(faults(1), faults(2));
}

fn wait_for(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}
