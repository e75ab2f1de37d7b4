//! A visitor of pages for the walks: opens a link, fills in the form that it
//! finds, presses a button, keeps cookies and follows redirects, as a browser
//! without scripts does. It reads our own pages and no others.

use super::client::now;
use anyhow::{Context, bail};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use std::collections::BTreeMap;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// Redirects that are followed before a walk gives up.
const REDIRECT_COUNT_MAX: usize = 5;

/// Visits the pages of one server.
pub(crate) struct Visitor {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// Where the visitor is.
pub(crate) struct Page {
    /// HTTP status; that of the last page of ours where it leads to another site.
    pub(crate) status: u16,
    /// Its address, or that of the other site.
    pub(crate) url: Url,
    /// What is on it; empty at another site.
    pub(crate) text: String,
    /// How long it took to get here.
    pub(crate) took: Duration,
}

/// What one presses and fills in, by name and value.
pub(crate) type Entries<'a> = &'a [(&'a str, &'a str)];

impl Visitor {
    /// A visitor without cookies.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Ok(Self { http: http.timeout(Duration::from_secs(20)).build()?, cookies: BTreeMap::new() })
    }

    /// Opens a link.
    pub(crate) async fn open(&mut self, link: &str) -> anyhow::Result<Page> {
        self.go(Url::parse(link)?, None).await
    }

    /// Fills in the page's form and presses a button; what is hidden in the
    /// form goes with it.
    pub(crate) async fn send(&mut self, page: &Page, entries: Entries<'_>) -> anyhow::Result<Page> {
        let form = Form::first_in(&page.text).context("there is no form on the page")?;
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form.hidden.iter().filter(|(name, _)| entries.iter().all(|(entry, _)| entry != name)) {
            body.append_pair(name, value);
        }
        for (name, value) in entries {
            if !form.takes(name, value) {
                bail!("the form does not take {name}");
            }
            body.append_pair(name, value);
        }
        self.go(page.url.join(&form.action)?, Some(body.finish())).await
    }

    async fn go(&mut self, mut url: Url, mut form: Option<String>) -> anyhow::Result<Page> {
        let (begun, home) = (now(), url.origin());
        for _ in 0..REDIRECT_COUNT_MAX {
            let mut request = match form.take() {
                Some(form) => {
                    let request = self.http.post(url.clone()).header("sec-fetch-site", "same-origin");
                    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)
                }
                None => self.http.get(url.clone()),
            };
            if !self.cookies.is_empty() {
                let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                request = request.header(COOKIE, pairs.join("; "));
            }
            let answer = request.send().await?;
            self.keep_cookies(answer.headers());
            let status = answer.status();
            let onward = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
            url = match onward.filter(|_| status.is_redirection()) {
                Some(to) => url.join(&to)?,
                None => {
                    let text = answer.text().await?;
                    match goes_on(&text) {
                        Some(to) => url.join(&to)?,
                        None => return Ok(Page { status: status.as_u16(), url, text, took: begun.elapsed() }),
                    }
                }
            };
            if url.origin() != home {
                return Ok(Page { status: status.as_u16(), url, text: String::new(), took: begun.elapsed() });
            }
        }
        bail!("the pages lead in a circle")
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
    }
}

/// A form as it stands on a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form {
    action: String,
    hidden: Vec<(String, String)>,
    /// Names of fields that one fills in.
    fields: Vec<String>,
    /// Names and values of buttons and choices.
    choices: Vec<(String, String)>,
}

impl Form {
    fn takes(&self, name: &str, value: &str) -> bool {
        self.fields.iter().any(|field| field == name)
            || self.choices.iter().any(|(known, choice)| known == name && choice == value)
    }

    /// The first form that is sent by POST.
    fn first_in(page: &str) -> Option<Self> {
        let mut form: Option<Self> = None;
        for tag in tags(page) {
            let value = |name: &str| tag.attribute(name).unwrap_or_default();
            match (tag.name, &mut form) {
                ("form", None) if value("method") == "post" => {
                    form = Some(Self { action: value("action"), ..Self::default() });
                }
                ("/form", Some(_)) => break,
                ("input", Some(form)) => match value("type").as_str() {
                    "hidden" => form.hidden.push((value("name"), value("value"))),
                    "radio" => form.choices.push((value("name"), value("value"))),
                    _ => form.fields.push(value("name")),
                },
                ("button", Some(form)) => form.choices.push((value("name"), value("value"))),
                _ => {}
            }
        }
        form
    }
}

/// A tag: its name and what follows it.
struct Tag<'p> {
    name: &'p str,
    rest: &'p str,
}

fn tags(page: &str) -> impl Iterator<Item = Tag<'_>> {
    page.split('<').skip(1).filter_map(|after| {
        // What is printed into our pages is escaped: no value holds this sign.
        let (tag, _) = after.split_once('>')?;
        let (name, rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        Some(Tag { name, rest })
    })
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.rest;
        while let Some((before, after)) = rest.split_once("=\"") {
            let (value, further) = after.split_once('"')?;
            if before.rsplit(char::is_whitespace).next() == Some(name) {
                return Some(unescaped(value));
            }
            rest = further;
        }
        None
    }
}

/// Where a page leads by itself.
fn goes_on(page: &str) -> Option<String> {
    let refresh = tags(page)
        .find(|tag| tag.name == "meta" && tag.attribute("http-equiv").is_some_and(|value| value == "refresh"))?;
    refresh.attribute("content")?.split_once("url=").map(|(_, url)| url.to_owned())
}

/// The text behind the escapes that our pages use.
fn unescaped(text: &str) -> String {
    const ESCAPES: [(&str, &str); 5] =
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    ESCAPES.iter().fold(text.to_owned(), |text, (escape, letter)| text.replace(escape, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_reads_it() {
        let page = "<h1>Pay</h1><form method=\"get\"><input name=\"q\"></form>\
            <form class=\"x\" method=\"post\" action=\"/a?b=1&#38;c=2\"><input type=\"hidden\" name=\"t\" value=\"&#60;&#38;#60;\">\
            <input id=\"name\" name=\"holder\" type=\"text\" value=\"\" required>\
            <input type=\"radio\" name=\"bank\" value=\"mock-bank\" checked>\
            <button class=\"button\" name=\"step\" value=\"give\">Go</button></form>\
            <form method=\"post\"><input name=\"other\"></form>";
        let form = Form::first_in(page).unwrap();
        assert_eq!(form.action, "/a?b=1&c=2");
        assert_eq!(form.hidden, [("t".to_owned(), "<&#60;".to_owned())]);
        assert!(form.takes("holder", "Ida") && form.takes("bank", "mock-bank") && form.takes("step", "give"));
        assert!(!form.takes("bank", "other") && !form.takes("step", "take") && !form.takes("other", ""));
        assert_eq!(Form::first_in("<p>nothing</p>"), None);
        let leads = "<meta http-equiv=\"refresh\" content=\"0; url=https://shop.example/ok?a=1&#38;b=2\">";
        assert_eq!(goes_on(leads).as_deref(), Some("https://shop.example/ok?a=1&b=2"));
        assert_eq!(goes_on("<meta charset=\"utf-8\">"), None);
    }
}
