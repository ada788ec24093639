//! From a request to an answer.

use serde_json::json;

use super::super::server::{Reply, Request};
use super::access::{Who, enter, require};
use super::credentials::Visit;
use super::state::{State, Store};
use super::{page, tokens, xml};

/// What is left to do once the state is let go.
pub(super) enum Next {
    Answer(Reply),
    /// "Test connection": log in to this API with this token.
    VerifyGitHub {
        api: String,
        token: String,
    },
    /// Check a repository with this login, if there is one.
    ListRepository {
        url: String,
        login: Option<(String, String)>,
    },
}

impl From<Result<Reply, Reply>> for Next {
    fn from(reply: Result<Reply, Reply>) -> Self {
        let (Ok(reply) | Err(reply)) = reply;
        Self::Answer(reply)
    }
}

/// The context path.
pub(super) const CONTEXT: &str = "ci";

pub(super) fn route(state: &mut State, request: &Request) -> Next {
    if state.mode.starting {
        return Next::Answer(page::starting());
    }
    let who = match enter(state, request) {
        Ok(who) => who,
        Err(reply) => return Next::Answer(reply),
    };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let Some((&CONTEXT, path)) = segments.split_first() else {
        return Next::Answer(Reply::status(404).body("text/html;charset=iso-8859-1", "<html>no such context</html>"));
    };
    if path == ["whoAmI", "api", "json"] {
        return Next::Answer(who_am_i(&who));
    }
    if who.is_nobody() {
        return Next::Answer(page::login(request));
    }
    if let Err(reply) = require(state, &who, "Overall/Read") {
        return Next::Answer(reply);
    }
    if let ["user", owner, "descriptorByName", "jenkins.security.ApiTokenProperty", call] = path {
        return tokens::call(state, request, &who, owner, call).into();
    }
    let (item, path) = item(path);
    let known = item.is_empty() || state.stores.contains_key(&item) || state.jobs.contains(&item);
    if !known || (!item.is_empty() && !state.has(&who.user, "Item/Read")) {
        return Next::Answer(page::not_found());
    }
    match path {
        ["credentials", "store", rest @ ..] => Visit { request, who: &who, folder: &item }.answer(state, rest).into(),
        ["createItem"] => create_item(state, request, &who, item).into(),
        ["doDelete"] if !item.is_empty() => delete_item(state, request, &who, &item).into(),
        ["descriptorByName", "hudson.plugins.git.UserRemoteConfig", "checkUrl"] => {
            check_url(state, request, &who, &item)
        }
        _ if item.is_empty() => at_root(state, request, &who, path),
        _ => Next::Answer(page::not_found()),
    }
}

fn at_root(state: &mut State, request: &Request, who: &Who, path: &[&str]) -> Next {
    match path {
        ["api", "json"] => {
            let root = json!({"_class": "hudson.model.Hudson", "mode": "NORMAL"});
            Next::Answer(page::json(&super::tree::pick(&root, request.parameter("tree"))))
        }
        ["crumbIssuer", "api", "json"] if !state.mode.without_crumbs => {
            let number = state.next();
            let (session, crumb) = (format!("node0fake{number}"), format!("{number:064x}"));
            state.sessions.insert(session.clone(), crumb.clone());
            let body = json!({
                "_class": "hudson.security.csrf.DefaultCrumbIssuer",
                "crumb": crumb,
                "crumbRequestField": "Jenkins-Crumb",
            });
            let cookie = format!("JSESSIONID.fa4e={session}; Path=/{CONTEXT}; HttpOnly");
            Next::Answer(page::json(&body).header("Set-Cookie", cookie))
        }
        ["configuration-as-code", "export"] if state.code.is_some() => Next::Answer(if request.method == "POST" {
            page::forbidden(&who.user, "Overall/Administer")
        } else {
            page::method_not_allowed()
        }),
        ["descriptorByName", "org.jenkinsci.plugins.github.config.GitHubServerConfig", "verifyCredentials"] => {
            if request.method != "POST" {
                return Next::Answer(page::method_not_allowed());
            }
            if let Err(reply) = require(state, who, "Overall/Administer") {
                return Next::Answer(reply);
            }
            let id = request.field("credentialsId").unwrap_or_default();
            let token = state.secret_text(&id).unwrap_or_else(|| "UNKNOWN_TOKEN".to_owned());
            Next::VerifyGitHub { api: request.field("apiUrl").unwrap_or_default(), token }
        }
        _ => Next::Answer(page::not_found()),
    }
}

fn who_am_i(who: &Who) -> Reply {
    let authorities: &[&str] = if who.is_nobody() { &["anonymous"] } else { &["authenticated"] };
    page::json(&json!({
        "_class": "hudson.security.WhoAmI",
        "anonymous": who.is_nobody(),
        "authenticated": true,
        "authorities": authorities,
        "name": who.user,
    }))
}

/// The item that a path begins with, and the rest of it.
fn item<'a>(mut path: &'a [&'a str]) -> (Vec<String>, &'a [&'a str]) {
    let mut item = Vec::new();
    while let ["job", name, rest @ ..] = path {
        item.push((*name).to_owned());
        path = rest;
    }
    (item, path)
}

fn create_item(state: &mut State, request: &Request, who: &Who, folder: Vec<String>) -> Result<Reply, Reply> {
    if request.method != "POST" {
        return Err(page::method_not_allowed());
    }
    require(state, who, "Item/Create")?;
    let mut item = folder;
    item.push(request.parameter("name").unwrap_or_default().to_owned());
    let root = xml::parse(&xml::decoded(request.header("content-type"), &request.body));
    let class = root.map(|root| root.name).unwrap_or_default();
    if state.stores.contains_key(&item) || state.jobs.contains(&item) {
        return Err(page::bad_request(request));
    }
    match class.as_str() {
        "com.cloudbees.hudson.plugins.folder.Folder" if !state.mode.without_folders => {
            state.stores.insert(item, Store::default());
        }
        "project" => {
            state.jobs.insert(item);
        }
        _ => return Err(page::oops(state.next())),
    }
    Ok(page::done())
}

fn delete_item(state: &mut State, request: &Request, who: &Who, item: &[String]) -> Result<Reply, Reply> {
    if request.method != "POST" {
        return Err(page::method_not_allowed());
    }
    require(state, who, "Item/Delete")?;
    state.stores.retain(|folder, _| !folder.starts_with(item));
    state.jobs.retain(|job| !job.starts_with(item));
    Ok(page::redirect(request, &format!("/{CONTEXT}/")))
}

/// The git plugin's check. It says "fine" of what it does not look at: without the right, and with a `$` in the address.
fn check_url(state: &State, request: &Request, who: &Who, item: &[String]) -> Next {
    if request.method != "POST" {
        return Next::Answer(page::method_not_allowed());
    }
    let url = request.field("value").unwrap_or_default();
    let needed = if item.is_empty() { "Overall/Administer" } else { "Credentials/UseItem" };
    if !state.has(&who.user, needed) || url.contains('$') {
        return Next::Answer(page::found("<div/>"));
    }
    Next::ListRepository { url, login: state.login(item, &request.field("credentialsId").unwrap_or_default()) }
}
