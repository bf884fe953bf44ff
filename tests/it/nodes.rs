//! Several nodes on one database: they share the work, keep each room's order, and take over from one that dies.
//!
//! That is for PostgreSQL: an SQLite file has one server.

use simulator::line::{Fault, FaultKind};

use crate::child::{Load, Server, Shop, until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an SQLite file has one server: several nodes need PostgreSQL"]
async fn two_nodes_share_deliveries_and_each_message_goes_out_once() {
    let shop = Shop::new(24).await;
    let nodes = [Server::start(&shop.app, &[]), Server::start(&shop.app, &[])];
    let load = Load::start(&shop, &[&nodes[0].base, &nodes[1].base], 8, 60);
    until("the load", async || load.count() == 8 * 60).await;
    let (acknowledged, refused) = load.end().await;
    assert!(refused.is_empty(), "{refused:?}");
    shop.settle().await;
    shop.check(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an SQLite file has one server: several nodes need PostgreSQL"]
async fn one_node_takes_requests_and_another_does_the_work() {
    let shop = Shop::new(6).await;
    let api = Server::start(&shop.app, &["--role", "api"]);
    let load = Load::start(&shop, &[&api.base], 4, 10);
    until("the load", async || load.count() == 40).await;
    let (acknowledged, _) = load.end().await;
    assert_eq!(shop.line.sent_count(), 0, "an API node delivers nothing");
    let worker = Server::start(&shop.app, &["--role", "worker"]);
    let client = reqwest::Client::new();
    let path = format!("{}/v1/chat/message", worker.base);
    assert_eq!(client.post(path).send().await.unwrap().status().as_u16(), 404, "a worker takes no requests");
    assert_eq!(client.get(format!("{}/healthz", worker.base)).send().await.unwrap().status().as_u16(), 200);
    shop.settle().await;
    shop.check(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an SQLite file has one server: several nodes need PostgreSQL"]
async fn a_node_takes_over_from_one_that_dies() {
    let shop = Shop::new(24).await;
    shop.line.fault(Fault::new(FaultKind::Slow { ms: 200 }).path("/v2/bot/message/push"));
    let dying = Server::start(&shop.app, &[]);
    let living = Server::start(&shop.app, &[]);
    // The node that takes the messages begins to deliver them at once; it dies in the middle of its calls.
    let load = Load::start(&shop, &[&dying.base], 8, 60);
    until("some calls", async || shop.line.requests().len() > 8).await;
    dying.kill();
    let (acknowledged, _) = load.end().await;
    assert!(!acknowledged.is_empty());
    let more = Load::start(&shop, &[&living.base], 4, 10);
    until("more load", async || more.count() == 40).await;
    more.end().await;
    shop.settle().await;
    shop.check(&acknowledged).await;
}
