//! A token of an OAuth app in a Jenkins is turned over by the device flow, without an account: a GitHub and a Jenkins on
//! loopback, and a scripted person who comes too late for the first code. Nothing is pasted: the person enters a code, and
//! GitHub is asked now and then, at the pace that it wants.
//!
//! ```console
//! cargo run --example device_flow
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokenturn::testing::{GitHubFake, JenkinsFake, VirtualClock};
use tokenturn::{
    Ask, Clock, Event, GitHub, Guide, Http, Jenkins, Outcome, Policy, Predecessor, Rotator, Run, Timestamp,
};

const APP: &str = "Iv1.example";
const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\
    <scope>GLOBAL</scope><id>github-api</id><description>hooks</description><secret>TOKEN</secret>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The world as it is: an app whose token Jenkins uses. GitHub allows ten for a user, an app and a set of scopes.
    let clock = VirtualClock::new();
    let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await?;
    github.device_flow_app(APP, "app-secret-FAKE");
    let (old, _) = github.user_token(APP, "build-bot", "repo admin:repo_hook", true);
    let fake = JenkinsFake::start().await?;
    fake.put("system/_", &DOCUMENT.replace("TOKEN", old.expose()))?;

    // The rotator. A program of yours needs no clock, and has its journal on disk.
    let http = Http::builder().user_agent("device-flow/1").allow_plain_http_on_loopback().build()?;
    let jenkins = Jenkins::at(&http, fake.base())?.api_token("admin", fake.api_token("admin")).build()?;
    let provider = GitHub::device_flow(&http, APP)
        .server(github.base())
        .client_secret(SecretString::from("app-secret-FAKE")) // so that the app itself ends the old token
        .account("build-bot")
        .clock(Arc::new(clock.clone()))
        .build()?;
    let bot = Rotator::builder("build-bot", provider)
        .consumer(jenkins.credential("github-api").test_connection())
        .policy(Policy::default().grace(Duration::from_hours(24)))
        .clock(Arc::new(clock.clone()))
        .observe(|event: &Event| println!("  {event:#}"))
        .build()?;

    println!("{}", bot.plan(&Predecessor::Held(old.clone())).await?);
    println!("The rotation:");
    let mut run = bot.rotate(Predecessor::Held(old.clone())).await?;
    let (first, _) = asked(&run)?;
    println!("\n{first}");

    println!("GitHub wants to be asked less often:");
    github.wants_slower_polls(5);
    for _ in 0..3 {
        run = poll(&bot, &clock, &run).await?;
    }

    println!("\nThe person has lunch, and the code counts no more. So there is another:");
    clock.advance(Duration::from_mins(20));
    run = poll(&bot, &clock, &run).await?;
    let (second, _) = asked(&run)?;
    println!("\n{second}");
    let too_late = github.enter_code("build-bot", &code_in(&first)?).is_err();
    github.enter_code("build-bot", &code_in(&second)?)?;

    println!("The person has entered it:");
    run = poll(&bot, &clock, &run).await?;
    while matches!(run.outcome, Outcome::Draining { .. } | Outcome::BackingOff { .. }) {
        clock.advance(Duration::from_hours(25));
        run = bot.resume(run.id).await?;
    }

    let live = github.tokens_of(APP);
    let in_jenkins = fake.secret_of("system/_/github-api");
    check(&[
        ("the run is completed", matches!(run.outcome, Outcome::Completed(_))),
        ("the first code was of no use any more", too_late && first != second),
        ("two codes were asked for, and no third", github.codes_given() == 2),
        ("GitHub was asked too soon once, and never again", github.polls_too_soon() == 1),
        ("the app has ended the old token", !github.is_alive(&old)),
        ("one token of the app lives", live.len() == 1),
        ("it is the one in Jenkins", live.first().map(tokenturn::Token::expose) == in_jenkins.as_deref()),
    ])
}

/// What the person is asked, and when GitHub is.
fn asked(run: &Run) -> Result<(Guide, Timestamp), Box<dyn Error>> {
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else {
        return Err(format!("nobody is asked: {:?}", run.outcome).into());
    };
    match asks.first() {
        Some(Ask::Token { guide, polled: Some(at), .. }) => Ok((guide.clone(), *at)),
        other => Err(format!("something else is asked: {other:?}").into()),
    }
}

/// Waits until GitHub may be asked again, and asks.
async fn poll(bot: &Rotator, clock: &VirtualClock, run: &Run) -> Result<Run, Box<dyn Error>> {
    let (_, at) = asked(run)?;
    clock.advance(clock.now().until(at));
    bot.resume_due().await?.ok_or_else(|| "it was not time yet".into())
}

/// The code, as the person reads it in the guide.
fn code_in(guide: &Guide) -> Result<String, Box<dyn Error>> {
    let step = guide.steps.iter().find(|step| step.key == "user-code").ok_or("the guide has no code")?;
    let code = step.text.split_whitespace().find(|word| word.contains('-')).ok_or("the step has no code")?;
    Ok(code.trim_end_matches('.').to_owned())
}

/// What GitHub and Jenkins themselves say, past every interface that the rotation used.
fn check(truth: &[(&str, bool)]) -> Result<(), Box<dyn Error>> {
    println!("\n  The truth:");
    for (what, is_so) in truth {
        println!("    {} {what}", if *is_so { "yes" } else { "NO " });
    }
    let all = truth.iter().all(|(_, is_so)| *is_so);
    if all { Ok(()) } else { Err("the servers' own state is not what the run says".into()) }
}
