//! What a provider says of a channel account, and what is said to it: the calls behind "connect LINE in four steps".

use channel::line;
use channel::line::Fetched;
use serde::Serialize;
use utoipa::ToSchema;

use super::account::ChannelAccount;
use crate::app::App;
use crate::chat::account::Account;
use crate::chat::line::call;

/// What the provider says of an account right now.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelAccountCheck {
    /// Whether the provider takes the access token.
    #[schema(example = true)]
    pub(super) token: bool,
    /// What the provider calls the account.
    #[schema(example = "Siam Tools")]
    pub(super) provider_name: Option<String>,
    /// Its public id, as customers search for it.
    #[schema(example = "@siamtools")]
    pub(super) provider_id: Option<String>,
    /// The address that the provider calls; null when none is entered there.
    #[schema(example = "https://sala.example.com/channels/line/507-k3j9x2mqw7ha")]
    pub(super) endpoint: Option<String>,
    /// Whether that is this account's address on this server.
    #[schema(example = true)]
    pub(super) is_ours: bool,
    /// Whether the provider really calls it: "Use webhook" in LINE's console.
    #[schema(example = true)]
    pub(super) is_used: bool,
    /// When the provider last called: Unix time in milliseconds; null until the first message.
    pub(super) last_callback_at: Option<i64>,
    /// What did not work, in the provider's words.
    pub(super) problem: Option<String>,
    /// What came of the provider's test call; null unless it was asked for one.
    pub(super) webhook_test: Option<ChannelWebhookTest>,
    /// The account with the quota as it is now.
    pub(super) account: Option<ChannelAccount>,
}

/// What came of a call that the provider made to try the webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelWebhookTest {
    /// Whether this server answered as it should.
    #[schema(example = true)]
    pub(super) success: bool,
    /// The status that it answered; zero or less when the provider got no answer.
    #[schema(example = 200)]
    pub(super) status: i32,
    /// The provider's word for it.
    #[schema(example = "OK")]
    pub(super) reason: String,
    /// What happened, in the provider's words.
    #[schema(example = "200")]
    pub(super) detail: String,
}

/// Whether an address that a provider calls is that of an account. Which host it names is the network's business: behind a
/// proxy this server may not know its own name.
pub(super) fn is_address_of(endpoint: &str, id: &str) -> bool {
    let path = endpoint.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/') == format!("channels/line/{id}")
}

/// Asks LINE who the account is, and where its callbacks go.
pub(super) async fn ask(app: &App, account: &Account) -> ChannelAccountCheck {
    let mut check = ChannelAccountCheck::default();
    let Some(credentials) = account.line() else {
        return ChannelAccountCheck { token: true, is_ours: true, is_used: true, ..check };
    };
    let asked = async |request: Result<http::Request<Vec<u8>>, channel::Refusal>| {
        let request = request.map_err(|refusal| refusal.to_string())?;
        call(app, request).await.map_err(|failed| failed.reason)
    };
    match asked(line::bot_info(&credentials)).await {
        Ok(answer) if answer.status == 200 => match line::read_bot_info(&answer.body) {
            Ok(bot) => {
                check.token = true;
                check.provider_name = Some(bot.name);
                check.provider_id = Some(bot.premium_id.unwrap_or(bot.basic_id));
            }
            Err(error) => check.problem = Some(error.to_string()),
        },
        Ok(answer) => check.problem = Some(format!("LINE answers {}", answer.status)),
        Err(why) => check.problem = Some(why),
    }
    if !check.token {
        return check;
    }
    match asked(line::webhook_endpoint(&credentials)).await {
        Ok(answer) if answer.status == 200 => match line::read_webhook_endpoint(&answer.body) {
            Ok(endpoint) => {
                check.is_used = endpoint.active;
                check.endpoint = Some(endpoint.endpoint).filter(|endpoint| !endpoint.is_empty());
            }
            Err(error) => check.problem = Some(error.to_string()),
        },
        // LINE says 404 as long as no address is entered.
        Ok(answer) if answer.status == 404 => {}
        Ok(answer) => check.problem = Some(format!("LINE answers {}", answer.status)),
        Err(why) => check.problem = Some(why),
    }
    check
}

/// Enters the address with LINE and has LINE try it; what came of the try, or why LINE refused.
pub(super) async fn enter(
    app: &App,
    credentials: &line::Credentials<'_>,
    address: &str,
) -> Result<Option<ChannelWebhookTest>, String> {
    let asked = async |request: Result<http::Request<Vec<u8>>, channel::Refusal>| {
        let request = request.map_err(|refusal| refusal.to_string())?;
        let answer = call(app, request).await.map_err(|failed| failed.reason)?;
        match line::fetched(answer.status, &answer.body) {
            Fetched::Ready | Fetched::NotYet => Ok(answer.body),
            Fetched::Retry { reason }
            | Fetched::Unauthorized { reason }
            | Fetched::Gone { reason }
            | Fetched::Dead { reason } => Err(format!("LINE answers {}", reason.trim_start_matches("HTTP "))),
        }
    };
    asked(line::set_webhook_endpoint(credentials, address)).await?;
    let body = asked(line::test_webhook(credentials)).await?;
    let test = line::read_webhook_test(&body).map_err(|error| error.to_string())?;
    Ok(Some(ChannelWebhookTest {
        success: test.success,
        status: test.status_code,
        reason: test.reason,
        detail: test.detail,
    }))
}

#[cfg(test)]
mod tests {
    use super::is_address_of;

    #[test]
    fn an_address_is_an_accounts_whatever_host_it_names() {
        for good in [
            "https://a.example/channels/line/507-x",
            "http://b:8080/channels/line/507-x/",
            "https://a/channels/line/507-x?a=1",
        ] {
            assert!(is_address_of(good, "507-x"), "{good}");
        }
        for bad in ["", "https://a.example", "https://a.example/channels/line/507-y", "https://a/x/channels/line/507-x"]
        {
            assert!(!is_address_of(bad, "507-x"), "{bad}");
        }
    }
}
