//! Batches: what is gathered and sent in one call to the system.

use std::collections::HashMap;

use super::*;

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Sends these (receiver, length) from one socket; what each receiver got, by its length and first byte.
fn sent(outbox: &mut Outbox, datagrams: &[(usize, usize)]) -> HashMap<usize, Vec<(usize, u8)>> {
    let (sender, _) = socket();
    let receivers: Vec<_> = (0..3).map(|_| socket()).collect();
    let bytes: Vec<u8> = (0..=255).flat_map(|i| [i; 2000]).collect();
    let mut wanted: HashMap<usize, Vec<(usize, u8)>> = HashMap::new();
    for (place, (to, length)) in datagrams.iter().enumerate() {
        outbox.push(Origin::Relayed(7), receivers[*to].1, place * 2000, *length);
        wanted.entry(*to).or_default().push((*length, place as u8));
    }
    assert_eq!(outbox.send(&bytes, |from| (from == Origin::Relayed(7)).then_some(&sender)), 0);
    let mut got: HashMap<usize, Vec<(usize, u8)>> = HashMap::new();
    for (to, datagrams) in &wanted {
        for _ in datagrams {
            let mut buffer = [0; 2000];
            let (length, _) = receivers[*to].0.recv_from(&mut buffer).unwrap();
            got.entry(*to).or_default().push((length, buffer[0]));
        }
    }
    assert_eq!(got, wanted);
    got
}

#[test]
fn each_receiver_gets_its_datagrams_whole_and_in_order() {
    let mut outbox = Outbox::new();
    sent(&mut outbox, &[(0, 100)]);
    sent(&mut outbox, &[(0, 100), (1, 100), (0, 100), (1, 100), (0, 100), (2, 1)]);
    sent(&mut outbox, &[(0, 100), (0, 100), (0, 50), (0, 200), (0, 200), (0, 100), (0, 100)]);
    sent(&mut outbox, &[(0, 300), (0, 100), (0, 100), (1, 7), (0, 400)]);
    let full: Vec<_> = (0..BATCH).map(|i| (i % 3, 1200)).collect();
    sent(&mut outbox, &full);
}

#[test]
fn a_kernel_that_merges_nothing_gets_them_one_by_one() {
    let mut outbox = Outbox::new();
    outbox.paths = Paths::with(0);
    sent(&mut outbox, &[(0, 100), (0, 100), (1, 100), (0, 100)]);
}

#[test]
fn segments_that_are_too_large_to_merge_are_sent_all_the_same() {
    let (sender, _) = socket();
    let (receiver, to) = socket();
    // Loopback takes 65,536 at once; a merge of segments above that is refused.
    let bytes = vec![5; 130_000];
    let mut outbox = Outbox::new();
    outbox.push(Origin::Door(0), to, 0, 60_000);
    outbox.push(Origin::Door(0), to, 60_000, 60_000);
    assert_eq!(outbox.send(&bytes, |_| Some(&sender)), 0);
    let mut buffer = vec![0; 65_536];
    assert_eq!(receiver.recv(&mut buffer).unwrap(), 60_000);
    assert_eq!(receiver.recv(&mut buffer).unwrap(), 60_000);
}

#[test]
fn an_error_loses_one_datagram_and_no_other() {
    let (sender, _) = socket();
    let (receiver, to) = socket();
    let mut outbox = Outbox::new();
    // Port 0 can't be sent to.
    let nobody = SocketAddr::new(to.ip(), 0);
    outbox.push(Origin::Door(0), nobody, 0, 10);
    outbox.push(Origin::Door(0), to, 0, 20);
    outbox.push(Origin::Door(0), nobody, 0, 30);
    assert_eq!(outbox.send(&[0; 100], |_| Some(&sender)), 2);
    assert_eq!(receiver.recv(&mut [0; 100]).unwrap(), 20);
    outbox.push(Origin::Door(0), nobody, 0, 10);
    assert_eq!(outbox.send(&[0; 100], |_| Some(&sender)), 1);
    outbox.push(Origin::Relayed(0), to, 0, 10);
    outbox.push(Origin::Relayed(0), to, 0, 10);
    assert_eq!(outbox.send(&[0; 100], |_| None), 2, "its socket is closed");
}

#[test]
fn what_arrives_is_located_and_what_is_too_large_is_marked() {
    let (receiver, to) = socket();
    receiver.set_nonblocking(true).unwrap();
    let (sender, from) = socket();
    let mut inbox = Inbox::new();
    assert_eq!(inbox.receive(&receiver, true), 0);
    for length in [3, 0, MAX_DATAGRAM + 1, MAX_DATAGRAM] {
        sender.send_to(&vec![length as u8; length], to).unwrap();
    }
    assert_eq!(inbox.receive(&receiver, true), 4);
    let lengths: Vec<_> = (0..4).map(|place| inbox.arrived(place).length).collect();
    assert_eq!(lengths, [Some(3), Some(0), None, Some(MAX_DATAGRAM)]);
    let first = inbox.arrived(0);
    assert_eq!((first.from, &inbox.bytes()[first.start..][..3]), (from, &[3; 3][..]));
    assert!(first.start >= HEADROOM);
}

#[test]
fn what_is_refused_for_one_receiver_still_goes_as_one_to_others() {
    let ((sender, _), (_receiver, to)) = (socket(), socket());
    let mut outbox = Outbox::new();
    let before = outbox.paths.largest(to.ip());
    // Port 0 can't be sent to, and not as one either.
    let nobody: SocketAddr = "127.0.0.77:0".parse().unwrap();
    outbox.push(Origin::Door(0), nobody, 0, 100);
    outbox.push(Origin::Door(0), nobody, 100, 100);
    assert_eq!(outbox.send(&[0; 200], |_| Some(&sender)), 2);
    assert_eq!((outbox.paths.largest(nobody.ip()), outbox.paths.largest(to.ip())), (before.min(99), before));
}
