//! Who pays for what, and what is said when nobody does.

use channel::plan::{Lane, LatePush, Plan, REPLY_TOKEN_LIFETIME_MS, Token, plan};

const NOW: i64 = 1_764_000_000_000;
const POLICIES: [LatePush; 3] = [LatePush::Yes, LatePush::Ask, LatePush::No];

fn token(age: i64) -> Token<'static> {
    Token { token: "nHuyWiB7yP5Zw52FIkcQobQuGDXCTA", received_at: NOW - age }
}

#[test]
fn a_fresh_token_is_always_used_first_because_it_is_free() {
    for policy in POLICIES {
        for stopped in [false, true] {
            for (pending, count) in [(1, 1), (5, 5), (7, 5)] {
                let decision = plan(NOW, Some(&token(0)), policy, stopped, pending, 5);
                assert_eq!(decision, Plan { lane: Lane::Reply, count });
            }
        }
    }
}

#[test]
fn a_token_lives_for_fifty_seconds_and_a_fast_clock_does_not_kill_it() {
    assert!(token(REPLY_TOKEN_LIFETIME_MS - 1).is_alive(NOW));
    assert!(!token(REPLY_TOKEN_LIFETIME_MS).is_alive(NOW));
    assert!(token(-2_000).is_alive(NOW));
    assert!(!Token { token: "", received_at: NOW }.is_alive(NOW));
    assert!(!Token { token: "a", received_at: i64::MIN }.is_alive(i64::MAX));
}

#[test]
fn a_late_answer_is_what_the_account_wants() {
    let old = token(REPLY_TOKEN_LIFETIME_MS);
    for (policy, stopped, decision) in [
        (LatePush::Yes, false, Plan { lane: Lane::Push, count: 5 }),
        (LatePush::Yes, true, Plan { lane: Lane::Stopped, count: 7 }),
        (LatePush::Ask, false, Plan { lane: Lane::Ask, count: 7 }),
        (LatePush::Ask, true, Plan { lane: Lane::Stopped, count: 7 }),
        (LatePush::No, false, Plan { lane: Lane::Ask, count: 7 }),
        (LatePush::No, true, Plan { lane: Lane::Ask, count: 7 }),
    ] {
        assert_eq!(plan(NOW, Some(&old), policy, stopped, 7, 5), decision);
        assert_eq!(plan(NOW, None, policy, stopped, 7, 5), decision);
    }
}

#[test]
fn no_half_of_an_answer_is_lost() {
    // Seven messages, one token, and the month's quota gone: five leave free, two are named as stopped.
    let first = plan(NOW, Some(&token(0)), LatePush::Yes, true, 7, 5);
    assert_eq!(first, Plan { lane: Lane::Reply, count: 5 });
    let rest = plan(NOW, None, LatePush::Yes, true, 7 - first.count, 5);
    assert_eq!(rest, Plan { lane: Lane::Stopped, count: 2 });
}

#[test]
fn nothing_waiting_is_nothing_to_do_and_a_batch_is_at_least_one() {
    assert_eq!(plan(NOW, Some(&token(0)), LatePush::Yes, false, 0, 5).count, 0);
    assert_eq!(plan(NOW, None, LatePush::Yes, false, 3, 0), Plan { lane: Lane::Push, count: 1 });
}

#[test]
fn the_token_stays_out_of_debug_output() {
    assert!(!format!("{:?}", token(0)).contains("nHuy"));
}
