//! Redirects, and pages that are said to be elsewhere.

use serde_json::{Value, json};
use tokenturn::testing::Forgery;

use crate::attack::Attack;
use crate::stages::elsewhere;

const KINDS: [u16; 5] = [301, 302, 303, 307, 308];

/// Another port, another name of this machine, another scheme, another host, and an address without a scheme.
fn places() -> [String; 5] {
    let port = elsewhere().port();
    [
        format!("http://127.0.0.1:{port}/a?b=c"),
        format!("http://localhost:{port}/a"),
        format!("https://127.0.0.1:{port}/a"),
        "https://elsewhere.example/a".to_owned(),
        "//169.254.169.254/latest/meta-data/".to_owned(),
    ]
}

/// Every kind of redirect to every other place: of five in a row no two are of a kind, or to the same place.
pub(crate) fn redirects() -> Vec<Attack> {
    let places = places();
    let each = |turn: usize| {
        let (kind, place) = (KINDS[turn % 5], &places[(turn + turn / 5) % 5]);
        let forgery = Forgery::refusing(kind).with_header("Location", place.as_str());
        Attack::new(format!("{kind} to {place}"), forgery)
    };
    (0..25).map(each).collect()
}

/// True answers that name a next page: elsewhere, or the same one again.
pub(crate) fn links() -> Vec<Attack> {
    let places = places().into_iter().chain(["?page=1".to_owned(), "/".to_owned()]);
    let mut links: Vec<_> = places
        .map(|place| {
            let forgery = Forgery::of_the_truth()
                .with_header("Link", format!("<{place}>; rel=\"next\", <{place}>; rel=\"last\""))
                .with_header("Location", place.as_str())
                .with_header("X-Next-Page", "1")
                .with_header("X-Total-Pages", "1000000");
            Attack::new(format!("a next page at {place}"), forgery)
        })
        .collect();
    let loops = Forgery::of_the_truth().with_each("isLastPage", false).with_each("nextPageStart", 0);
    links.push(Attack::new("pages in a circle", loops));
    let on = Forgery::of_the_truth().with_each("isLastPage", false).with_each("nextPageStart", 1_000_000_000_u64);
    links.push(Attack::new("pages that leave out the most", on));
    links
}

/// True answers in which such a page is named. A document that is written back has them from then on.
pub(crate) fn members() -> Vec<Attack> {
    let member = |place: &String| {
        let forgery = Forgery::of_the_truth()
            .with_member("next", place.as_str())
            .with_member("next_page_token", "again")
            .with_member("nextToken", "again");
        Attack::new(format!("a next page within, at {place}"), forgery)
    };
    places().iter().map(member).collect()
}

/// Whatever is asked, a full page comes, and there are more.
pub(crate) fn pages() -> Vec<Attack> {
    let row = |id: usize| json!({ "id": id, "name": "row", "active": true, "revoked": false, "user_id": 1, "scopes": ["api"] });
    let rows: Vec<Value> = (0..100).map(row).collect();
    let page = json!({ "values": rows, "isLastPage": false, "nextPageStart": 100, "next": "/", "hasNextPage": true });
    let said = |body: &Value| {
        Forgery::refusing(200)
            .saying("application/json", body.to_string())
            .with_header("X-Next-Page", "2")
            .with_header("Link", "</?page=2>; rel=\"next\"")
            .lasting()
    };
    vec![
        Attack::new("pages without an end", said(&Value::Array(rows.clone()))),
        Attack::new("pages of values without an end", said(&page)),
    ]
}
