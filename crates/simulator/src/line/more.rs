//! What LINE's own SDKs call besides messages to one customer: messages to all, followers, members, rich menus.

use serde_json::{Value, json};

use super::answer::Answer;
use super::body::Check;
use super::endpoint::{Answered, Call, checked, object, refused, retry_key, take_messages, within_rate};
use super::record::Route;
use super::state::{Send, State, To};

/// Ids that a page of followers or members holds.
const PAGE: usize = 300;

/// Reference, "Send broadcast message": to every friend.
pub(super) fn broadcast(state: &State, call: &Call<'_>) -> Answered {
    let retry_key = retry_key(call)?;
    within_rate(state, "broadcast")?;
    let mut body = object(call)?;
    refused(&checked(state, &body))?;
    let (messages, to) = (take_messages(&mut body), To::Recipients(friends(state)));
    Ok(state.accept(Send { route: Route::Broadcast, to, messages, retry_key, request_id: call.request_id }))
}

/// Reference, "Send narrowcast message": accepted at once, sent in the background. Audiences are not played: it goes to
/// every friend.
pub(super) fn narrowcast(state: &State, call: &Call<'_>) -> Answered {
    let retry_key = retry_key(call)?;
    within_rate(state, "narrowcast")?;
    let mut body = object(call)?;
    refused(&checked(state, &body))?;
    let (messages, to) = (take_messages(&mut body), To::Recipients(friends(state)));
    let answer = state.accept(Send { route: Route::Narrowcast, to, messages, retry_key, request_id: call.request_id });
    Ok(if answer.status == 200 { Answer::empty(202) } else { answer })
}

/// Reference, "Get narrowcast message status".
pub(super) fn narrowcast_progress(state: &State) -> Answered {
    let count = friends(state).len();
    let at = jiff::Timestamp::from_millisecond(state.clock.millis()).unwrap_or_default().to_string();
    Ok(Answer::json(
        200,
        &json!({
            "phase": "succeeded", "successCount": count, "failureCount": 0, "targetCount": count,
            "acceptedTime": at, "completedTime": at,
        }),
    ))
}

/// Those who have a profile and did not unfollow.
fn friends(state: &State) -> Vec<String> {
    let account = state.account();
    let mut friends: Vec<String> =
        account.profiles.keys().filter(|user| !account.blocked.contains(*user)).cloned().collect();
    friends.sort();
    friends
}

/// Reference, "Get a list of users who added your LINE Official Account as a friend".
pub(super) fn followers(state: &State, call: &Call<'_>) -> Answered {
    Ok(page(call, "userIds", &friends(state)))
}

/// Reference, "Get group chat member user IDs".
pub(super) fn members(state: &State, call: &Call<'_>, chat: &str) -> Answered {
    let members = members_of(state, chat)?;
    Ok(page(call, "memberIds", &members))
}

/// Reference, "Get number of users in a group chat".
pub(super) fn member_count(state: &State, chat: &str) -> Answered {
    Ok(Answer::json(200, &json!({ "count": members_of(state, chat)?.len() })))
}

fn members_of(state: &State, chat: &str) -> Result<Vec<String>, Answer> {
    let account = state.account();
    let here = account.members.keys().filter(|(known, _)| known == chat);
    let mut members: Vec<String> = here.map(|(_, user)| user.clone()).collect();
    members.sort();
    match members.is_empty() && !account.groups.contains_key(chat) {
        true => Err(Answer::not_found()),
        false => Ok(members),
    }
}

/// A page of ids; `start` is the place of its first, as text.
fn page(call: &Call<'_>, name: &str, ids: &[String]) -> Answer {
    let pairs = call.head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let start = pairs.filter(|(key, _)| *key == "start").find_map(|(_, value)| value.parse().ok()).unwrap_or(0_usize);
    let here: Vec<&String> = ids.iter().skip(start).take(PAGE).collect();
    let mut body = json!({ name: here });
    if start + PAGE < ids.len() {
        body["next"] = json!((start + PAGE).to_string());
    }
    Answer::json(200, &body)
}

/// Leaves a group or room, which then is not there any more.
pub(super) fn leave(state: &State, chat: &str) -> Answered {
    members_of(state, chat)?;
    let mut account = state.account();
    account.groups.remove(chat);
    account.members.retain(|(known, _), _| known != chat);
    Ok(Answer::empty(200))
}

/// Reference, "Mark messages from users as read": by the chat, for accounts of partners.
pub(super) fn mark_chat_as_read(state: &State, call: &Call<'_>) -> Answered {
    let body = object(call)?;
    let mut check = Check::new(state.config.allow_http);
    let user = body.get("chat").and_then(|chat| chat.get("userId"));
    let user = check.text(user, "chat.userId", 1000).unwrap_or_default().to_owned();
    refused(&check)?;
    match state.account().profiles.contains_key(&user) {
        true => Ok(Answer::empty(200)),
        false => Err(Answer::not_found()),
    }
}

/// Rich menus: they are kept and linked, and nobody sees them.
pub(super) fn rich_menu(state: &State, call: &Call<'_>, segments: &[&str]) -> Answered {
    let method = call.head.method.as_str();
    match (method, segments) {
        ("POST", ["richmenu"]) => {
            let body = object(call)?;
            let mut check = Check::new(state.config.allow_http);
            check.text(body.get("name"), "name", 300);
            check.text(body.get("chatBarText"), "chatBarText", 14);
            refused(&check)?;
            let mut account = state.account();
            let id = format!("richmenu-{:032x}", account.message_id());
            let mut menu = Value::Object(body);
            menu["richMenuId"] = json!(id);
            account.menus.insert(id.clone(), menu);
            Ok(Answer::json(200, &json!({ "richMenuId": id })))
        }
        ("POST", ["richmenu", "validate"]) => object(call).map(|_| Answer::empty(200)),
        ("GET", ["richmenu", "list"]) => {
            let account = state.account();
            let mut menus: Vec<&Value> = account.menus.values().collect();
            let id = |menu: &Value| menu["richMenuId"].as_str().unwrap_or_default().to_owned();
            menus.sort_by_key(|menu| id(menu));
            Ok(Answer::json(200, &json!({ "richmenus": menus })))
        }
        ("GET", ["richmenu", id]) => {
            let account = state.account();
            Ok(Answer::json(200, account.menus.get(*id).ok_or_else(Answer::not_found)?))
        }
        ("DELETE", ["richmenu", id]) => {
            let mut account = state.account();
            account.menus.remove(*id).ok_or_else(Answer::not_found)?;
            account.linked.retain(|_, linked| linked.as_str() != *id);
            Ok(Answer::empty(200))
        }
        ("POST", ["user", user, "richmenu", id]) => {
            let mut account = state.account();
            if !account.menus.contains_key(*id) {
                return Err(Answer::not_found());
            }
            account.linked.insert((*user).to_owned(), (*id).to_owned());
            Ok(Answer::empty(200))
        }
        ("GET", ["user", user, "richmenu"]) => {
            let account = state.account();
            let linked = account.linked.get(*user).ok_or_else(Answer::not_found)?;
            Ok(Answer::json(200, &json!({ "richMenuId": linked })))
        }
        ("DELETE", ["user", user, "richmenu"]) => {
            state.account().linked.remove(*user);
            Ok(Answer::empty(200))
        }
        _ => Err(Answer::not_found()),
    }
}
