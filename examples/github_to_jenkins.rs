//! Replaces the GitHub token in a Jenkins credential, with one paste.
//!
//! ```console
//! JENKINS_URL=https://ci.example.com JENKINS_USER=rotator JENKINS_CREDENTIAL=git-pat \
//!     cargo run --example github_to_jenkins
//! ```
//!
//! | variable | what |
//! | --- | --- |
//! | `JENKINS_URL`, `JENKINS_USER` | where, and as whom; needs Credentials/View and Credentials/Update there |
//! | `JENKINS_API_TOKEN` | the user's API token; asked for where it is not set |
//! | `JENKINS_CREDENTIAL` | the credential's id |
//! | `JENKINS_FOLDER`, `JENKINS_DOMAIN` | where it is, if not in the global domain of the system store |
//! | `TEST_CONNECTION=1` | verify with the GitHub plugin's "Test connection" (secret text; needs Overall/Manage) |
//! | `GITHUB_SERVER` | a GitHub Enterprise Server in place of github.com |
//! | `GRACE_SECONDS` | how long the old token lives on; 60 unless set. The journal is in memory, so this program waits |

use std::env;
use std::error::Error;
use std::io::{self, Write as _};
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::{Ask, Decision, Event, GitHub, Http, Jenkins, Outcome, Policy, Predecessor, Rotator, Run, Token};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let bot = rotator()?;
    let old = match secret("The token in use now (empty: there is none, or it is lost)")?.as_str() {
        "" => Predecessor::None,
        value => Predecessor::Held(Token::new(value)?),
    };
    let plan = bot.plan(&old).await?;
    println!("{plan}");
    if plan.is_blocked() || !agreed("Go on?")? {
        return Ok(());
    }
    let mut run = bot.rotate(old).await?;
    while !run.outcome.is_over() {
        run = go_on(&bot, run).await?;
    }
    println!("{}", serde_json::to_string_pretty(&run.outcome)?);
    Ok(())
}

fn rotator() -> Result<Rotator> {
    let http = Http::builder().user_agent("tokenturn-example").build()?;
    let key = match env::var("JENKINS_API_TOKEN") {
        Ok(key) => SecretString::from(key),
        Err(_) => SecretString::from(secret("The Jenkins API token")?),
    };
    let jenkins = Jenkins::at(&http, named("JENKINS_URL")?.parse()?)?.api_token(named("JENKINS_USER")?, key).build()?;
    let mut credential = jenkins.credential(named("JENKINS_CREDENTIAL")?);
    if let Ok(folder) = env::var("JENKINS_FOLDER") {
        credential = credential.in_folder(&folder);
    }
    if let Ok(domain) = env::var("JENKINS_DOMAIN") {
        credential = credential.in_domain(domain);
    }
    if env::var("TEST_CONNECTION").is_ok_and(|value| value == "1") {
        credential = credential.test_connection().cached_by_github_plugin();
    }
    let mut github = GitHub::classic(&http).revoke_by_person();
    if let Ok(server) = env::var("GITHUB_SERVER") {
        github = github.server(server.parse()?);
    }
    let grace = Duration::from_secs(env::var("GRACE_SECONDS").map_or(Ok(60), |seconds| seconds.parse())?);
    let rotator = Rotator::builder("github-to-jenkins", github.build()?)
        .consumer(credential)
        .policy(Policy::default().grace(grace).linger(grace + Duration::from_mins(1)))
        .observe(|event: &Event| println!("{event}"));
    Ok(rotator.build()?)
}

/// Does with a person what the run waits for.
async fn go_on(bot: &Rotator, run: Run) -> Result<Run> {
    let Run { id, outcome, .. } = run;
    match outcome {
        Outcome::AwaitingPerson { asks, .. } => {
            let Some(ask) = asks.into_iter().next() else {
                return Err("the run waits for nobody".into());
            };
            if let Some(guide) = ask.guide() {
                println!("\n{guide}");
            }
            let decision = match ask {
                Ask::Token { refusal, .. } => {
                    if let Some(refusal) = refusal {
                        println!("The last one was refused: {refusal}");
                    }
                    return Ok(bot.supply(id, paste()?).await?);
                }
                Ask::Cure { refusal, .. } => {
                    enter(&format!("The token is kept, and waits: {refusal}. Press Enter when that is done."))?;
                    Decision::Retry
                }
                Ask::Confirmation { consumer, text, .. } => {
                    enter(&format!("{text} Press Enter when that is done."))?;
                    Decision::Confirm(consumer)
                }
                Ask::Deletion { token, .. } => {
                    enter("Press Enter when it is deleted.")?;
                    Decision::RevokedByHand(token)
                }
                other => return Err(format!("this program does not know how to ask for {other:?}").into()),
            };
            Ok(bot.resolve(id, decision).await?)
        }
        Outcome::NeedsPerson { problems, .. } => {
            for problem in &problems {
                println!("{problem}");
            }
            let decision = if agreed("Try again? No ends the run as it is; both tokens stay alive.")? {
                Decision::Retry
            } else {
                Decision::Abandon
            };
            Ok(bot.resolve(id, decision).await?)
        }
        Outcome::BackingOff { .. } | Outcome::Draining { .. } => {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(bot.resume(id).await?)
        }
        _ => Ok(bot.resume(id).await?),
    }
}

/// A paste that is a token. Nothing of it is shown.
fn paste() -> Result<Token> {
    loop {
        match Token::from_paste(&secret("The new token")?) {
            Ok((token, hints)) => {
                for hint in hints {
                    println!("Mind: {hint}.");
                }
                return Ok(token);
            }
            Err(error) => println!("{error}"),
        }
    }
}

fn named(variable: &str) -> Result<String> {
    env::var(variable).map_err(|_| format!("set {variable}; the head of this example says to what").into())
}

fn secret(what: &str) -> Result<String> {
    Ok(rpassword::prompt_password(format!("{what}: "))?)
}

fn enter(text: &str) -> Result<String> {
    print!("{text} ");
    io::stdout().flush()?;
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err("nobody is at the terminal".into());
    }
    Ok(line)
}

fn agreed(question: &str) -> Result<bool> {
    Ok(enter(&format!("{question} [y/N]"))?.trim().eq_ignore_ascii_case("y"))
}
