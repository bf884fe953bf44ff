//! A server that is killed under load: after its restart every acknowledged message is there once, and was seen once.

use simulator::line::{Fault, FaultKind};

use crate::child::{Load, Server, Shop, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_and_doubles_nothing() {
    let shop = Shop::new(24).await;
    kill_and_restart(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_and_doubles_nothing_while_line_fails_too() {
    let shop = Shop::new(24).await;
    for kind in [
        FaultKind::Error { status: 500, accepted: true },
        FaultKind::Cut { accepted: true },
        FaultKind::Error { status: 500, accepted: false },
        FaultKind::Cut { accepted: false },
    ] {
        shop.line.fault(Fault::new(kind).path("/v2/bot/message/push").probability(0.04));
    }
    kill_and_restart(&shop).await;
}

async fn kill_and_restart(shop: &Shop) {
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(shop, &[&server.base], 8, 200);
    until("a part of the load", async || load.count() > 400 && shop.line.sent_count() > 50).await;
    server.kill();
    let (acknowledged, _) = load.end().await;
    assert!(acknowledged.len() < 8 * 200, "it was killed in the middle");
    let _server = Server::start(&shop.app, &[]);
    shop.settle().await;
    shop.check(&acknowledged).await;
}
