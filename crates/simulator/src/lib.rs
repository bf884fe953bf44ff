//! The provider in the box: plays the servers of a chat provider, for Sala's own tests and for those who build on it.
//!
//! [`mod@line`] plays LINE. It follows LINE's published reference and shares no code with the adapter that talks to it,
//! so what passes here does not pass only because the same mistake was made on both sides. Where LINE does not publish
//! the words of an error, the status and the named property are LINE's and the words are ours.
//!
//! In a test it runs inside the process:
//!
//! ```no_run
//! use simulator::line::{Callback, Config, Fault, FaultKind, Line, user_id};
//!
//! # async fn example(webhook: String) -> Result<(), Box<dyn std::error::Error>> {
//! let line = Line::start("127.0.0.1:0".parse()?, Config::default()).await?;
//! // The customer gets the message, the sender gets an error: only the same retry key makes a repeat safe.
//! line.fault(Fault::new(FaultKind::Error { status: 500, accepted: true }).once());
//! let report = line.callback(Callback::to(webhook).text(&user_id("ann"), "hello")).await?;
//! assert_eq!(report.status(), Some(200));
//! let sent = line.wait_for_sent(1).await;
//! # Ok(())
//! # }
//! ```
//!
//! # The control interface
//!
//! From another process the same strings hang under `/_control`; everything else is LINE. Bodies are JSON, mistakes are
//! answered with 400 and a `message`. The examples suppose `LINE=http://127.0.0.1:9100`.
//!
//! What customers have seen, each message once, in the order of acceptance. `after` and `limit` page through it, 1,000 at
//! a time; `DELETE` forgets it without losing count, and `/sent/count` only counts:
//!
//! ```sh
//! curl "$LINE/_control/sent?after=0&limit=100"
//! curl "$LINE/_control/sent/count"
//! curl -X DELETE "$LINE/_control/sent"
//! ```
//!
//! The last 100,000 requests, refused ones included, without the access token. `status` is null where no answer was given.
//! `DELETE` forgets them:
//!
//! ```sh
//! curl "$LINE/_control/requests?after=0"
//! ```
//!
//! Faults, one or a list. `kind` is `error` (`status`, `accepted`), `rateLimited`, `overQuota`, `timeout` (`ms` or for
//! ever, `accepted`), `cut` (`accepted`), `slow` (`ms`), `unauthorized`, `replyTokenDead` or `contentProcessing`.
//! `accepted` tells whether LINE carries the request out before it fails. Each may have `path` (a prefix), `times` (until
//! cleared when absent), `skip` and `probability`. `GET` lists those in force, `DELETE` clears them:
//!
//! ```sh
//! curl "$LINE/_control/faults" -d '{"kind": "error", "accepted": true, "path": "/v2/bot/message/push", "times": 1}'
//! curl -X DELETE "$LINE/_control/faults"
//! ```
//!
//! The month's messages; `type` is `none` or `limited`, what is left out stays:
//!
//! ```sh
//! curl -X PUT "$LINE/_control/quota" -d '{"type": "limited", "value": 200, "totalUsage": 199}'
//! ```
//!
//! A customer's profile. Customers who have sent an event have one already:
//!
//! ```sh
//! curl -X PUT "$LINE/_control/profiles/U4af4980629f54d6a8f6d4d1a3c3a4b5c" -d '{"displayName": "Ann", "language": "th"}'
//! ```
//!
//! A medium, by the id of its message. `kind` (`image`, `video`, `audio`, `file`) is guessed from the media type when it
//! is absent; `status` is `succeeded`, `processing` or `failed`:
//!
//! ```sh
//! curl -X PUT "$LINE/_control/content/510000000000000001?kind=video&status=processing" \
//!   -H 'content-type: video/mp4' --data-binary @film.mp4
//! ```
//!
//! The messages that were marked as read, by id:
//!
//! ```sh
//! curl "$LINE/_control/read"
//! ```
//!
//! Time that passes at once, for reply tokens, retry keys and rate limits:
//!
//! ```sh
//! curl "$LINE/_control/clock" -d '{"advanceMs": 61000}'
//! ```
//!
//! A callback: makes events, signs them and posts them to `url`, or to the webhook endpoint that was set through LINE's
//! own API. The answer has `posts` (status, `ms`, body, error, event ids) and the `events` with their ids and reply
//! tokens. An event is whole (it has a `source`; only gaps are filled) or short: `type` and `userId` (with `groupId` or
//! `roomId` for a group or a room), and
//!
//! | `type` | fields, all optional but those in italics |
//! | --- | --- |
//! | `message` | *`text`* |
//! | `sticker` | `packageId`, `stickerId`, `stickerResourceType`, `keywords`, `text` |
//! | `image`, `video`, `audio`, `file` | `content` (Base64), `contentType`, `duration`, `fileName`, `fileSize` |
//! | `location` | `latitude`, `longitude`, `title`, `address` |
//! | `follow`, `unfollow`, `join`, `leave` | `isUnblocked`; a push to someone who unfollowed is accepted and never seen |
//! | `unsend` | *`messageId`*; the message's medium is gone afterwards |
//! | `postback` | `data`, `params` |
//!
//! Each may set `timestamp`, `mode`, `messageId` and `replyToken`. Options of the callback: `count` (every event so many
//! times, with new ids), `split` (a request for each), `reorder` (backwards), `redeliver` (so many times more, same ids,
//! `isRedelivery` true), `badSignature`, `concurrency`:
//!
//! ```sh
//! curl "$LINE/_control/callback" -d '{"url": "http://127.0.0.1:8080/line/webhook", "redeliver": 1,
//!   "events": [{"type": "message", "userId": "U4af4980629f54d6a8f6d4d1a3c3a4b5c", "text": "hello"}]}'
//! ```

pub mod line;
