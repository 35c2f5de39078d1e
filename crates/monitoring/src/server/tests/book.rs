//! The places of a port: the clients that get one, and those that give theirs up.

use std::net::IpAddr;
use std::sync::Arc;

use crate::server::address::AddressRange;
use crate::server::book::{ConnectionBook, ConnectionPlaces};
use crate::server::deadlines::ConnectionDeadlines;
use crate::server::metrics::PortMetrics;
use crate::server::visit::{Place, RequestUnderWay, Visit};
use crate::tls::Protocol;

fn book(all: usize, of_one_address: usize) -> ConnectionBook {
    let proxies = vec![AddressRange::one(IpAddr::from([192, 0, 2, 1]))];
    let places = ConnectionPlaces { all, of_one_address, reserved: 4, leaving: 64, requests: 1000, proxies };
    ConnectionBook::new(places, ConnectionDeadlines::default(), PortMetrics::default())
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn has_to_end(visit: &Visit) -> bool {
    visit.end().given().is_some()
}

#[test]
fn the_one_idle_longest_gives_way_and_a_busy_one_never_does() {
    let book = book(3, 3);
    let admit = |last| book.admit(address(last), Protocol::Http1).unwrap();
    let [first, second, third] = [admit(1), admit(2), admit(3)];
    let busy = first.begin(false);
    let fourth = admit(4);
    assert_eq!(fourth.place, Place::Ordinary);
    assert!(has_to_end(&second) && !has_to_end(&first) && !has_to_end(&third));
    let all_busy = [third.begin(false), fourth.begin(false)];
    assert_eq!(admit(5).place, Place::Reserved, "all are busy");
    drop(all_busy);
    assert_eq!(admit(5).place, Place::Ordinary);
    drop(busy);
}

#[test]
fn an_address_has_its_share_and_a_proxy_all() {
    let book = book(8, 2);
    let admit = |client| book.admit(client, Protocol::Http1).unwrap();
    let busy: Vec<_> = (0..3).map(|_| admit(address(1))).map(|visit| (visit.begin(false), visit)).collect();
    let places: Vec<Place> = busy.iter().map(|(_, visit)| visit.place).collect();
    assert_eq!(places, [Place::Ordinary, Place::Ordinary, Place::Reserved]);
    assert_eq!(admit(address(2)).place, Place::Ordinary);
    let proxy = IpAddr::from([192, 0, 2, 1]);
    for _ in 0..5 {
        assert_eq!(admit(proxy).place, Place::Ordinary);
    }
    for (_, visit) in &busy {
        book.leave(visit);
        book.leave(visit);
    }
    assert_eq!(admit(address(1)).place, Place::Ordinary);
}

#[test]
fn one_address_takes_the_reserved_places_from_itself_alone() {
    let book = book(1, 1);
    let admit = |last| book.admit(address(last), Protocol::Http1).unwrap();
    let _busy = admit(1).begin(false);
    let probe = admit(2);
    let others: Vec<_> = (0..20).map(|_| admit(3)).collect();
    assert!(probe.place == Place::Reserved && !has_to_end(&probe));
    assert_eq!(others.iter().filter(|visit| has_to_end(visit)).count(), 17);
}

#[test]
fn who_gave_way_is_counted_until_it_is_gone() {
    let places =
        ConnectionPlaces { all: 2, of_one_address: 2, reserved: 2, leaving: 4, requests: 1000, proxies: Vec::new() };
    let book = ConnectionBook::new(places, ConnectionDeadlines::default(), PortMetrics::default());
    let admit = |last| book.admit(address(last), Protocol::Http1);
    let mut here: Vec<(u8, Arc<Visit>)> = (0..100).filter_map(|last| Some((last, admit(last)?))).collect();
    assert_eq!(here.len(), 2 + 2 + 4, "nobody is let in beyond all bounds");
    let told: Vec<u8> = here.iter().filter(|(_, visit)| has_to_end(visit)).map(|(last, _)| *last).collect();
    assert_eq!(told, [0, 1, 2, 3], "the first that came leave, and the last have the places for probes");
    let cut = |here: &[(u8, Arc<Visit>)]| here.iter().filter(|(_, visit)| visit.end().is_cut()).count();
    assert_eq!(cut(&here), 2, "half of them may say last words");
    let gone = here.remove(0).1;
    book.leave(&gone);
    assert_eq!(admit(200).unwrap().place, Place::Ordinary);
    assert_eq!(cut(&here), 2, "one of them was gone, and another had to end at once");
}

#[test]
fn who_has_a_request_under_way_says_its_last_words_longer() {
    let places =
        ConnectionPlaces { all: 1, of_one_address: 1, reserved: 1, leaving: 4, requests: 1000, proxies: Vec::new() };
    let book = ConnectionBook::new(places, ConnectionDeadlines::default(), PortMetrics::default());
    let admit = |last| book.admit(address(last), Protocol::Http1).unwrap();
    let first = admit(1);
    let second = admit(2);
    // Its head came just when it gave way.
    let answering: RequestUnderWay = first.begin(false);
    let [third, _fourth] = [admit(3), admit(4)];
    assert!(has_to_end(&first) && has_to_end(&second) && has_to_end(&third));
    assert!(second.end().is_cut() && !first.end().is_cut() && !third.end().is_cut());
    drop(answering);
}
