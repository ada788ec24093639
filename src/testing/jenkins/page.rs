//! The answers that are no data, with the headers and words that a Jenkins 2.460 was seen to give.

use super::super::server::{Reply, Request};

/// The version that the fake claims to be.
const VERSION: &str = "2.460";

/// An empty 200.
pub(super) fn done() -> Reply {
    Reply::status(200)
}

/// JSON as the remote API answers it.
pub(super) fn json(body: &serde_json::Value) -> Reply {
    api(Reply::status(200)).body("application/json;charset=utf-8", body.to_string())
}

/// The headers of the remote API.
pub(super) fn api(reply: Reply) -> Reply {
    reply.header("X-Jenkins", VERSION).header("X-Frame-Options", "deny")
}

/// What the validation of a form found.
pub(super) fn found(html: impl Into<String>) -> Reply {
    let sandbox = "sandbox; default-src 'none';";
    Reply::status(200)
        .header("Content-Security-Policy", sandbox)
        .header("X-WebKit-CSP", sandbox)
        .header("X-Content-Security-Policy", sandbox)
        .body("text/html;charset=utf-8", html.into())
}

/// Not there, or hidden: the same page.
pub(super) fn not_found() -> Reply {
    themed(
        Reply::status(404),
        "Not Found [Jenkins]",
        "This page may not exist, or you may not have permission to see it.",
    )
}

pub(super) fn method_not_allowed() -> Reply {
    let words = "This URL requires POST. The URL you're trying to access requires that requests be sent using POST.";
    themed(Reply::status(405), "Method Not Allowed [Jenkins]", words)
}

pub(super) fn oops(number: u64) -> Reply {
    let id = format!("{:032x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    themed(
        Reply::status(500),
        "Jenkins [Jenkins]",
        &format!("Oops! A problem occurred while processing the request. Logging ID={id}"),
    )
}

/// Somebody who lacks a permission.
pub(super) fn forbidden(user: &str, permission: &str) -> Reply {
    let id = permission_id(permission);
    let hint = "JENKINS-39402: use -Dhudson.security.AccessDeniedException2.REPORT_GROUP_HEADERS=true or use /whoAmI to \
                diagnose";
    let mut reply = Reply::status(403)
        .header("X-You-Are-Authenticated-As", user)
        .header("X-You-Are-In-Group-Disabled", hint)
        .header("X-Required-Permission", &id);
    if !permission.starts_with("Overall/") {
        reply = reply.header("X-Permission-Implied-By", "hudson.model.Hudson.Administer");
    }
    themed(reply, "Jenkins", &format!("{user} is missing the {permission} permission"))
}

/// Nobody: sent to the login by a page, not by a redirect.
pub(super) fn login(request: &Request) -> Reply {
    let from: String = url::form_urlencoded::byte_serialize(request.path.as_bytes()).collect();
    let to = format!("/ci/login?from={from}");
    let page = format!(
        "<html><head><meta http-equiv='refresh' content='1;url={to}'/><script id='redirect' data-redirect-url='{to}' \
         src='/ci/static/7964ddc3/scripts/redirect.js'></script></head><body style='background-color:white; \
         color:white;'>\nAuthentication required\n<!--\n-->\n\n</body></html>"
    );
    Reply::status(403)
        .header("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
        .header("X-Hudson", "1.395")
        .header("X-Jenkins", VERSION)
        .body("text/html;charset=utf-8", page)
}

pub(super) fn unauthorized(request: &Request) -> Reply {
    let reply = Reply::status(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"");
    container(reply, request, 401, "Unauthorized")
}

pub(super) fn no_crumb(request: &Request) -> Reply {
    container(Reply::status(403), request, 403, "No valid crumb was included in the request")
}

pub(super) fn bad_request(request: &Request) -> Reply {
    if request.method == "HEAD" {
        container(Reply::status(400), request, 400, "Bad Request")
    } else {
        Reply::status(400)
    }
}

pub(super) fn starting() -> Reply {
    let page = "<!DOCTYPE html><html><head><title>Starting Jenkins</title></head><body>Please wait while Jenkins is \
                getting ready to work...</body></html>";
    Reply::status(503).header("Cache-Control", "no-cache,no-store").body("text/html;charset=utf-8", page)
}

pub(super) fn redirect(request: &Request, path: &str) -> Reply {
    let host = request.header("host").unwrap_or_default();
    Reply::status(302).header("Location", format!("http://{host}{path}"))
}

/// A page of Jenkins.
fn themed(reply: Reply, title: &str, words: &str) -> Reply {
    let expires = if reply.status == 404 { "0" } else { "Thu, 01 Jan 1970 00:00:00 GMT" };
    let page = format!(
        "\n  \n  <!DOCTYPE html><html><head resURL=\"/ci/static/7964ddc3\" data-rooturl=\"/ci\">\n    <title>{title}</title>\
         </head><body><div id=\"main-panel\"><p>{words}</p></div></body></html>"
    );
    reply
        .header("Expires", expires)
        .header("Cache-Control", "no-cache,no-store,must-revalidate")
        .header("X-Hudson-Theme", "default")
        .header("Referrer-Policy", "same-origin")
        .header("Cross-Origin-Opener-Policy", "same-origin")
        .header("X-Hudson", "1.395")
        .header("X-Jenkins", VERSION)
        .header("X-Frame-Options", "sameorigin")
        .body("text/html;charset=utf-8", page)
}

/// A page of the container that Jenkins runs in.
fn container(reply: Reply, request: &Request, status: u16, message: &str) -> Reply {
    let page = format!(
        "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n<title>Error {status} \
         {message}</title>\n</head>\n<body><h2>HTTP ERROR {status} {message}</h2>\n<table>\n<tr><th>URI:</th><td>{}</td>\
         </tr>\n<tr><th>STATUS:</th><td>{status}</td></tr>\n<tr><th>MESSAGE:</th><td>{message}</td></tr>\n\
         <tr><th>SERVLET:</th><td>Stapler</td></tr>\n</table>\n<hr/><a href=\"https://eclipse.org/jetty\">Powered by \
         Jetty:// 10.0.20</a><hr/>\n\n</body>\n</html>\n",
        request.path
    );
    reply.header("Cache-Control", "must-revalidate,no-cache,no-store").body("text/html;charset=iso-8859-1", page)
}

/// A permission as headers name it.
fn permission_id(permission: &str) -> String {
    match permission.split_once('/') {
        Some(("Credentials", name)) => format!("com.cloudbees.plugins.credentials.CredentialsProvider.{name}"),
        Some(("Overall", name)) => format!("hudson.model.Hudson.{name}"),
        Some((group, name)) => format!("hudson.model.{group}.{name}"),
        None => permission.to_owned(),
    }
}
