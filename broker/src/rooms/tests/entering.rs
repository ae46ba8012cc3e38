//! Creating, joining, coming back, taking over, going away.

use super::*;

#[test]
fn whoever_creates_a_room_is_its_creator_and_alone() {
    let mut world = World::new();
    let (admitted, effects) = world.create(1, 1).expect("a room");
    let name = sealed("name");
    assert_eq!(
        admitted,
        Admitted {
            ordinal: 0,
            creator: member(1),
            locked: false,
            name,
            members: vec![],
            reserved: vec![],
            revived: None
        }
    );
    assert_eq!(effects, []);
}

#[test]
fn creating_again_is_harmless_for_whoever_created_and_refused_to_others() {
    let mut world = World::with_members(2);
    let (again, effects) = world.create(1, 1).expect("harmless");
    assert_eq!((again.ordinal, effects), (0, vec![]));

    let (_, effects) = world.create(9, 1).expect("from a newer socket");
    let back = Event::Back(view(1, 0, Presence::Present, 0));
    assert_eq!(effects, [close(1, CloseCode::TakenOver), tell_all(&[2], back)]);

    assert_eq!(world.create(3, 3), Err(RefusalCode::RoomExists));
    for forged in [Create { seat: hash(3), ..create_request(1) }, Create { session: session(1), ..create_request(1) }] {
        assert_eq!(
            world.ask(3, Ask::Create(Proven::granted(forged), Right::Everybodys)).reply,
            Err(RefusalCode::RoomExists)
        );
    }
    assert_eq!(world.create(2, 2), Err(RefusalCode::RoomExists), "a member who did not create it");
}

#[test]
fn there_are_so_many_rooms_in_all_and_from_one_address() {
    let mut world = World::new();
    let ask = |world: &mut World, number: u8, from: u8| {
        let who = Who { connection: ConnectionId(number.into()), room: room(number), address: address(from) };
        world.rooms.ask(who, create(number), 0).reply.map(|_| ())
    };
    for number in 1..=3 {
        ask(&mut world, number, 1).expect("a room");
    }
    assert_eq!(ask(&mut world, 4, 1), Err(RefusalCode::TooManyRooms));
    ask(&mut world, 4, 2).expect("from another address");
    ask(&mut world, 5, 2).expect("from another address");
    assert_eq!(ask(&mut world, 6, 2), Err(RefusalCode::BrokerFull));

    world.rooms.ask(who(1, 1), Ask::End, 0).reply.expect("ended");
    ask(&mut world, 6, 1).expect("one has ended");
}

#[test]
fn an_address_opens_so_many_rooms_in_a_while_though_they_are_gone() {
    let mut world = World::with(3, &Limits { openings_per_address: 3, rate_seconds: 10, ..Limits::default() });
    let ask = |world: &mut World, from: u8| {
        let opener = Who { address: address(from), ..who(1, 1) };
        world.rooms.ask(opener, create(1), world.now).reply?;
        world.rooms.ask(opener, Ask::End, world.now).reply
    };
    for _ in 0..3 {
        ask(&mut world, 1).expect("a room");
    }
    assert_eq!(ask(&mut world, 1), Err(RefusalCode::TooManyRooms));
    ask(&mut world, 2).expect("from another address");
    assert_eq!(world.rooms.next_deadline(), Some(10_000));
    world.now = 10_000;
    ask(&mut world, 1).expect("later");
}

#[test]
fn an_address_takes_so_many_seats_in_a_while_and_comes_back_to_them_as_it_likes() {
    let mut world = World::with(3, &Limits { joins_per_address: 2, rate_seconds: 10, ..Limits::default() });
    world.create(1, 1).expect("a room");
    for number in [2, 3] {
        world.join(number.into(), number).expect("a seat");
        world.join(number.into(), number).expect("the same again, after a lost reply");
        world.done(number.into(), Ask::Forget).expect("given up");
    }
    assert_eq!(world.join(2, 2), Err(RefusalCode::TooManyJoins));
    let elsewhere = Who { address: address(2), ..who(2, 1) };
    world.rooms.ask(elsewhere, join(2, invitation(2), 0), world.now).reply.expect("from another address");
    for session in 1..=9 {
        world.lose(2);
        world.come_back(2, 2, session).expect("their own seat");
    }
    world.now = 10_000;
    world.join(3, 3).expect("later");
}

#[test]
fn a_new_seat_is_announced_and_sees_all_others_in_order() {
    let mut world = World::with_members(2);
    world.lose(2);
    let (admitted, effects) = world.join(3, 3).expect("a seat");
    assert_eq!(admitted.ordinal, 2);
    assert_eq!(admitted.members, [view(1, 0, Presence::Present, 0), view(2, 1, Presence::Away, 0)]);
    assert_eq!(effects, [tell_all(&[1], Event::Joined(view(3, 2, Presence::Present, 0)))]);
}

#[test]
fn nobody_joins_a_room_that_is_not_there() {
    assert_eq!(World::new().join(1, 1), Err(RefusalCode::UnknownRoom));
    assert_eq!(World::new().come_back(1, 1, 0), Err(RefusalCode::UnknownRoom));
}

#[test]
fn a_wrong_invitation_is_refused() {
    let mut world = World::with_members(1);
    let wrong = Admission::Invite { token: bytes(78, 16).parse().expect("16 bytes"), seat: hash(2) };
    assert_eq!(world.ask(2, join(2, wrong, 0)).reply, Err(RefusalCode::BadInvitation));
}

#[test]
fn nobody_takes_anothers_id() {
    let mut world = World::with_members(2);
    let forged = Admission::Invite { token: invite_token(), seat: hash(9) };
    assert_eq!(world.ask(3, join(2, forged.clone(), 0)).reply, Err(RefusalCode::MemberTaken));
    world.lose(2);
    assert_eq!(world.ask(3, join(2, forged, 0)).reply, Err(RefusalCode::MemberTaken));
}

#[test]
fn a_seat_is_not_taken_again_by_its_tokens_hash() {
    let mut world = World::with_members(2);
    world.lose(1);
    world.lose(2);
    assert_eq!(world.ask(5, join(2, invitation(2), 1)).reply, Err(RefusalCode::MemberTaken));
    assert_eq!(world.ask(5, join(1, invitation(1), 1)).reply, Err(RefusalCode::MemberTaken), "nor the creator's");
    world.come_back(2, 2, 1).expect("with the token");
    assert_eq!(world.ask(5, join(2, invitation(2), 0)).reply, Err(RefusalCode::MemberTaken), "an earlier page load's");
}

#[test]
fn joining_again_with_the_same_seat_is_coming_back() {
    let mut world = World::with_members(2);
    let (again, effects) = world.join(2, 2).expect("harmless");
    assert_eq!((again.ordinal, effects), (1, vec![]));
    world.lose(2);
    let (_, effects) = world.join(5, 2).expect("back");
    assert_eq!(effects, [tell_all(&[1], Event::Back(view(2, 1, Presence::Present, 0)))]);
}

#[test]
fn coming_back_tells_the_session_and_the_card_of_the_new_page() {
    let mut world = World::with_members(2);
    assert_eq!(world.lose(2), [tell_all(&[1], Event::Away { member: member(2) })]);
    let (admitted, effects) = world.come_back(5, 2, 7).expect("back");
    assert_eq!(admitted.members, [view(1, 0, Presence::Present, 0)]);
    assert_eq!(effects, [tell_all(&[1], Event::Back(view(2, 1, Presence::Present, 7)))]);
}

#[test]
fn who_reloads_again_and_again_is_refused_for_a_moment_and_keeps_seat_and_connection() {
    let mut world = World::with_members(3);
    for number in 1..=10 {
        world.come_back(2, 2, number).expect("a few in a row");
    }
    for connection in [2, 5] {
        assert_eq!(world.come_back(connection, 2, 11), Err(RefusalCode::TooFast), "on {connection}");
    }
    world.done(2, offer(1, 1)).expect("still inside");
    world.come_back(3, 3, 1).expect("nobody else is refused");
    for connection in 5..50 {
        world.lose(connection - 1);
        world.come_back(connection, 2, 10).expect("the same page");
    }
    world.now = 1_000;
    world.come_back(50, 2, 11).expect("later");
    assert_eq!(world.come_back(50, 2, 12), Err(RefusalCode::TooFast));
}

#[test]
fn who_comes_back_as_the_same_page_or_changes_the_card_without_end_is_refused_for_a_moment() {
    let mut world = World::with_members(3);
    let renamed = || Ask::Card(NewCard { card: card(9) });
    for number in 0..50 {
        world.come_back(5 + number, 2, 0).expect("over a bad network");
        world.done(5 + number, renamed()).expect("a new name");
    }
    assert_eq!(world.done(54, renamed()), Err(RefusalCode::TooFast));
    assert_eq!(world.come_back(55, 2, 0), Err(RefusalCode::TooFast));
    world.done(54, offer(1, 1)).expect("still inside");
    world.done(3, renamed()).expect("nobody else is refused");
    world.now = 1_000;
    world.come_back(55, 2, 0).expect("later");
}

#[test]
fn a_creator_who_locks_and_unlocks_without_end_is_refused_for_a_moment() {
    let mut world = World::with_members(2);
    for number in 0..100 {
        world.lock(1, number % 2 == 0).expect("some times in a row");
    }
    world.lock(1, false).expect("it is so");
    assert_eq!(world.lock(1, true), Err(RefusalCode::TooFast));
    world.now = 1_000;
    world.lock(1, true).expect("later");
}

#[test]
fn who_gives_seat_after_seat_up_takes_no_more_than_so_many_and_keeps_nobody_at_another_address_out() {
    let mut world = World::with_members(1);
    for number in 2..66 {
        world.join(number.into(), number).expect("as many as there are seats");
        world.done(number.into(), Ask::Forget).expect("given up");
    }
    assert_eq!(world.join(66, 66), Err(RefusalCode::TooFast));
    let elsewhere = Who { address: address(2), ..who(67, 1) };
    world.rooms.ask(elsewhere, join(67, invitation(67), 0), world.now).reply.expect("nobody else is kept out");
    world.now = 1_000;
    world.join(66, 66).expect("later");
}

#[test]
fn whoever_finds_no_place_in_a_full_room_has_not_reloaded() {
    let mut world = World::with_members(3);
    world.lose(3);
    world.join(4, 4).expect("there is a place");
    for _ in 0..30 {
        assert_eq!(world.come_back(3, 3, 1), Err(RefusalCode::RoomFull));
    }
    world.lose(4);
    world.come_back(3, 3, 1).expect("there is a place");
}

#[test]
fn a_wrong_seat_token_and_a_seat_that_is_gone_look_the_same() {
    let mut world = World::with_members(2);
    let wrong = join(2, Admission::Seat { token: seat_token(9) }, 0);
    assert_eq!(world.ask(5, wrong).reply, Err(RefusalCode::UnknownSeat));
    world.done(2, Ask::Forget).expect("released");
    assert_eq!(world.come_back(5, 2, 0), Err(RefusalCode::UnknownSeat));
}

#[test]
fn a_newer_socket_takes_the_seat_and_the_older_one_has_none() {
    let mut world = World::with_members(2);
    let (_, effects) = world.come_back(5, 2, 7).expect("taken over");
    let back = Event::Back(view(2, 1, Presence::Present, 7));
    assert_eq!(effects, [close(2, CloseCode::TakenOver), tell_all(&[1], back)]);
    assert_eq!(world.done(2, offer(1, 1)), Err(RefusalCode::NotJoined));
    assert_eq!(world.lose(2), [], "its end disturbs nobody");
    assert!(world.rooms.seat_of(who(5, 1)).is_some() && world.rooms.seat_of(who(2, 1)).is_none());
}

#[test]
fn a_connection_has_one_seat() {
    let mut world = World::with_members(2);
    world.lose(2);
    assert_eq!(world.come_back(1, 2, 0), Err(RefusalCode::AlreadyJoined));
    assert_eq!(world.join(1, 3), Err(RefusalCode::AlreadyJoined));
    world.done(1, Ask::Leave).expect("left");
    world.come_back(1, 2, 0).expect("the connection is free again");
}

#[test]
fn a_full_room_refuses_new_and_returning_members_and_keeps_their_seats() {
    let mut world = World::with_members(3);
    world.lose(3);
    world.join(4, 4).expect("there is a place");
    assert_eq!(world.join(5, 5), Err(RefusalCode::RoomFull));
    assert_eq!(world.come_back(3, 3, 0), Err(RefusalCode::RoomFull));
    world.come_back(9, 2, 0).expect("who is present takes no new place");
    world.lose(4);
    world.come_back(3, 3, 0).expect("the seat was kept");
}

#[test]
fn leaving_keeps_the_seat_and_forgetting_releases_it() {
    let mut world = World::with_members(3);
    assert_eq!(world.done(2, Ask::Leave), Ok(vec![tell_all(&[1, 3], Event::Left { member: member(2) })]));
    assert_eq!(world.lose(2), [], "who left is not away");
    assert_eq!(world.done(2, Ask::Leave), Err(RefusalCode::NotJoined));
    let (admitted, _) = world.come_back(2, 2, 0).expect("the seat was kept");
    assert_eq!(admitted.ordinal, 1);
    assert_eq!(world.done(2, Ask::Forget), Ok(vec![tell_all(&[1, 3], Event::Forgotten { member: member(2) })]));
    let (admitted, _) = world.join(2, 2).expect("a new seat");
    assert_eq!(admitted.ordinal, 3, "behind all others");
}

#[test]
fn a_seat_is_released_from_outside_by_its_token_alone() {
    let mut world = World::with_members(3);
    assert_eq!(world.done(9, Ask::Release(seat_token(9))), Err(RefusalCode::UnknownSeat));
    world.lose(2);
    assert_eq!(
        world.done(9, Ask::Release(seat_token(2))),
        Ok(vec![tell_all(&[1, 3], Event::Forgotten { member: member(2) })])
    );
    assert_eq!(world.come_back(2, 2, 0), Err(RefusalCode::UnknownSeat));
    let told = vec![tell_all(&[1], Event::Forgotten { member: member(3) }), close(3, CloseCode::Forgotten)];
    assert_eq!(world.done(9, Ask::Release(seat_token(3))), Ok(told), "whoever sat on it is sent away");
}

#[test]
fn a_room_full_of_present_members_has_no_seat_to_give() {
    let mut world = World::with(MAX_SEATS, &Limits::default());
    world.create(1, 1).expect("a room");
    for number in 2..=u8::try_from(MAX_SEATS).expect("64") {
        world.join(number.into(), number).expect("a seat");
    }
    world.lose(1);
    assert_eq!(world.join(200, 200), Err(RefusalCode::RoomFull), "only the creator is absent");
}

#[test]
fn what_is_no_card_by_its_size_is_refused() {
    let mut world = World::with_members(1);
    let large = sealed(&"A".repeat(MAX_SEALED_CARD_CHARS.max(MAX_SEALED_ROOM_NAME_CHARS) + 4));
    let card = Ask::Card(NewCard { card: large.clone() });
    assert_eq!(world.done(1, card), Err(RefusalCode::BadRequest));
    for request in
        [Create { card: large.clone(), ..create_request(1) }, Create { name: large.clone(), ..create_request(1) }]
    {
        let asked = World::new().ask(1, Ask::Create(Proven::granted(request), Right::Everybodys));
        assert_eq!(asked.reply, Err(RefusalCode::BadRequest));
    }
}

#[test]
fn who_fails_too_often_is_told_nothing_more_for_a_while() {
    let mut world = World::with_members(1);
    for _ in 0..4 {
        assert_eq!(world.come_back(2, 2, 0), Err(RefusalCode::UnknownSeat));
    }
    assert_eq!(world.come_back(2, 2, 0), Err(RefusalCode::TooManyFailures));
    let wrong = Admission::Invite { token: bytes(78, 16).parse().expect("16 bytes"), seat: hash(2) };
    assert_eq!(world.ask(2, join(2, wrong, 0)).reply, Err(RefusalCode::TooManyFailures));
    assert_eq!(world.rooms.fail(address(1), RefusalCode::BadProof, 0), RefusalCode::TooManyFailures);
    assert_eq!(world.rooms.fail(address(2), RefusalCode::BadProof, 0), RefusalCode::BadProof, "from elsewhere");
    assert_eq!(world.rooms.next_deadline(), Some(300_000));
    world.now = 300_000;
    assert_eq!(world.come_back(2, 2, 0), Err(RefusalCode::UnknownSeat));
}

#[test]
fn whoever_may_come_in_does_though_the_address_failed_too_often() {
    let mut world = World::with_members(2);
    world.lose(2);
    for _ in 0..9 {
        let _ = world.come_back(9, 9, 0);
    }
    world.come_back(5, 2, 1).expect("has a seat");
    world.join(6, 3).expect("has the invitation");
    assert_eq!(world.join(7, 4), Err(RefusalCode::RoomFull), "what is no failure is told as it is");
}
