//! A whole rotation without an account: a GitHub and a Jenkins on loopback, with a scripted person between them.
//!
//! ```console
//! cargo run --example quickstart
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::testing::{GitHubFake, JenkinsFake, VirtualClock};
use tokenturn::{Ask, Decision, Event, GitHub, Http, Jenkins, Outcome, Policy, Predecessor, Rotator, Run, Token};

const SECRET_TEXT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\
    <scope>GLOBAL</scope><id>github-api</id><description>hooks and statuses</description><secret>TOKEN</secret>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

const PASSWORD: &str = "<com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>\
    <scope>GLOBAL</scope><id>git-pat</id><description>clones</description><username>build-bot</username>\
    <password>TOKEN</password><usernameSecret>false</usernameSecret>\
    </com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The world as it is: one token of build-bot, used in two credentials of a Jenkins. A day passes there at once.
    let clock = VirtualClock::new();
    let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
    github.private_repository("acme/site", &["build-bot"]);
    github.revoke_after_logins(1);
    let old = github.classic("build-bot", "ci since August", &["repo", "admin:repo_hook"]);
    let jenkins = JenkinsFake::start().await?;
    jenkins.add_folder("team");
    jenkins.add_job("team/site");
    jenkins.put("system/_", &SECRET_TEXT.replace("TOKEN", old.expose()))?;
    jenkins.put("team/folder/_", &PASSWORD.replace("TOKEN", old.expose()))?;
    println!(
        "Jenkins starts, and its GitHub plugin keeps a client of its own: {}",
        jenkins.cached_client_token("github-api").is_some()
    );

    // The rotator, as a program of yours would build it; only yours needs no clock.
    let http = Http::builder().user_agent("quickstart/1").allow_plain_http_on_loopback().build()?;
    let ci = Jenkins::at(&http, jenkins.base())?.api_token("admin", jenkins.api_token("admin")).build()?;
    let provider = GitHub::classic(&http)
        .server(github.base())
        .account("build-bot")
        .must_administer("acme/site")
        .revoke_by_api()
        .build()?;
    let bot = Rotator::builder("build-bot", provider)
        .consumer(ci.credential("github-api").test_connection().cached_by_github_plugin())
        .consumer(ci.credential("git-pat").in_folder("team").test_repository(github.git_url("acme/site")?, "team/site"))
        .policy(Policy::default().lifetime(Duration::from_hours(90 * 24)))
        .clock(Arc::new(clock.clone()))
        .observe(|event: &Event| println!("  {event:#}"))
        .build()?;

    println!("{}", bot.plan(&Predecessor::Held(old.clone())).await?);
    println!("The rotation:");
    let mut run = bot.rotate(Predecessor::Held(old.clone())).await?;
    while !run.outcome.is_over() {
        run = match run.outcome.clone() {
            Outcome::AwaitingPerson { asks, .. } => with_a_person(&bot, run, &asks, &github, &jenkins).await?,
            Outcome::Draining { until, .. } => {
                println!("\n(A day passes, for jobs that still run with the old token: until {until}.)\n");
                clock.advance(Duration::from_hours(24));
                bot.resume_due().await?.ok_or("nothing was due after a day")?
            }
            other => return Err(format!("this was not to happen: {other:?}").into()),
        };
    }

    // What the two servers themselves say, past every interface that the rotation used.
    let Outcome::Completed(completion) = &run.outcome else {
        return Err(format!("not completed: {:?}", run.outcome).into());
    };
    let rows = github.rows("build-bot");
    let new = rows.first().and_then(|row| github.value_of(row)).ok_or("GitHub has no live token")?;
    let truth = [
        ("GitHub refuses the old token", !github.is_alive(&old)),
        ("GitHub has one live token of build-bot", rows.len() == 1),
        ("it is the one that the run reports", completion.fingerprint == Some(new.fingerprint())),
        ("system/_/github-api holds it", jenkins.secret_of("system/_/github-api").as_deref() == Some(new.expose())),
        ("team/folder/_/git-pat holds it", jenkins.secret_of("team/folder/_/git-pat").as_deref() == Some(new.expose())),
        (
            "the GitHub plugin's own client has it",
            jenkins.cached_client_token("github-api").as_deref() == Some(new.expose()),
        ),
        ("Jenkins has logged in to GitHub with it", github.uses(&new) > 0),
    ];
    println!("\nThe servers' own state:");
    for (what, is_so) in truth {
        println!("  {} {what}", if is_so { "yes" } else { "NO " });
    }
    if !truth.iter().all(|(_, is_so)| *is_so) {
        return Err("the servers' own state is not what the run says".into());
    }
    println!("\ncompleted: the new token is {}, the old one is dead", new.fingerprint());
    Ok(())
}

/// What a person would do at a prompt, a browser beside it.
async fn with_a_person(
    bot: &Rotator,
    run: Run,
    asks: &[Ask],
    github: &GitHubFake,
    jenkins: &JenkinsFake,
) -> Result<Run, Box<dyn Error>> {
    match asks.first().ok_or("the run waits for nobody")? {
        Ask::Token { guide, refusal: None, .. } => {
            println!("\n{guide}");
            let paste = github.generate("build-bot", guide)?;
            println!(
                "(The person follows the link, presses \"Generate token\", and pastes. Nothing of it is shown.)\n"
            );
            Ok(bot.supply(run.id, Token::new(&paste)?).await?)
        }
        Ask::Confirmation { consumer, text, .. } => {
            println!("\n{text}");
            jenkins.save_github_configuration();
            println!("(The person does, and confirms it.)\n");
            Ok(bot.resolve(run.id, Decision::Confirm(consumer.clone())).await?)
        }
        other => Err(format!("nobody was told how to do this: {other:?}").into()),
    }
}
