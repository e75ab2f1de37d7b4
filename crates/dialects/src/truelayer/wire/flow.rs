//! Bodies of the authorisation: what clients declare, and what they have to
//! do next (contract 3.4).

use super::payments::read::{Faults, Place};
use crate::json::Json;
use crate::truelayer::errors::Fault;
use crate::truelayer::extension::{Choice, Deed, Flow, Step};
use crate::truelayer::providers::catalogue::{Provider, Question};
use serde::Serialize;
use url::Url;

/// Longest address that is kept, in characters.
const URI_LENGTH_MAX: usize = 2_048;
/// Longest free text of a form, in characters.
const INPUT_LENGTH_MAX: u32 = 200;

/// What a client declares when it begins an authorisation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::truelayer) struct FlowRequest {
    consent: bool,
    form: bool,
    return_uri: Option<String>,
    direct_return_uri: Option<String>,
    /// A failed attempt shall not end the payment.
    pub(in crate::truelayer) retry: bool,
}

impl FlowRequest {
    /// Reads the body of the call; an empty list of addresses allows all.
    pub(in crate::truelayer) fn read(json: &Json, allowed: &[String]) -> Result<Self, Fault> {
        let mut faults = Faults::default();
        let place = Place::root(json, &mut faults);
        let request = Self::at(&place, allowed, &mut faults);
        faults.unless(Some(request))
    }

    /// Reads what stands at a place.
    pub(in crate::truelayer) fn at(place: &Place<'_>, allowed: &[String], faults: &mut Faults) -> Self {
        let redirect = place.at("redirect");
        redirect.object(faults);
        Self {
            consent: place.at("consent").object(faults),
            form: place.at("form").object(faults),
            return_uri: uri(&redirect.at("return_uri"), allowed, faults),
            direct_return_uri: uri(&redirect.at("direct_return_uri"), allowed, faults),
            retry: place.at("retry").is_given(),
        }
    }

    /// The authorisation that begins with it.
    pub(in crate::truelayer) fn begin(self, step: Step) -> Flow {
        Flow {
            consent: self.consent,
            form: self.form,
            return_uri: self.return_uri,
            direct_return_uri: self.direct_return_uri,
            step,
            choice: None,
        }
    }
}

/// An absolute address of the web that is allowed.
pub(in crate::truelayer) fn uri(place: &Place<'_>, allowed: &[String], faults: &mut Faults) -> Option<String> {
    let text = place.text(faults)?;
    // The parser would forgive them, but what the client gave is kept as it is.
    let is_one_word = !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    let parsed = Url::parse(text).ok().filter(|_| is_one_word);
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(parsed) = parsed.filter(|_| text.len() <= URI_LENGTH_MAX) else {
        place.fault(faults, "must be an absolute http or https URI");
        return None;
    };
    let within = |known: &String| {
        Url::parse(known)
            .is_ok_and(|known| known.origin() == parsed.origin() && parsed.path().starts_with(known.path()))
    };
    if !allowed.is_empty() && !allowed.iter().any(within) {
        place.fault(faults, "is not one of the allowed addresses");
        return None;
    }
    Some(text.to_owned())
}

/// The bank that a payer chose.
pub(in crate::truelayer) fn chosen_provider(json: &Json) -> Result<String, Fault> {
    let mut faults = Faults::default();
    let place = Place::root(json, &mut faults);
    let provider = place.at("provider_id").required_text(&mut faults).map(str::to_owned);
    faults.unless(provider)
}

/// The answers to a form; any ids are taken, and nothing of them is kept.
pub(in crate::truelayer) fn form_inputs(json: &Json) -> Result<(), Fault> {
    let mut faults = Faults::default();
    let inputs = Place::root(json, &mut faults).at("inputs");
    if inputs.object(&mut faults) {
        let pairs = inputs.value().and_then(Json::as_object).unwrap_or_default();
        for (name, value) in pairs {
            if value.as_text().is_none() {
                inputs.at(name).fault(&mut faults, "must be a string");
            }
        }
    } else if !inputs.is_given() {
        inputs.fault(&mut faults, "is required");
    }
    faults.unless(Some(()))
}

/// What the payer does at the mock bank, and whether the answer redirects.
pub(in crate::truelayer) fn deed(json: &Json) -> Result<(Choice, bool), Fault> {
    let mut faults = Faults::default();
    let place = Place::root(json, &mut faults);
    let action = place.at("action");
    action.required_text(&mut faults);
    let words = ["Execute", "RejectAuthorisation", "RejectExecution", "Cancel"];
    let deed = action.value().and_then(|_| action.word(&words, &mut faults)).map(|word| match word {
        "RejectAuthorisation" => Deed::RejectAuthorisation,
        "RejectExecution" => Deed::RejectExecution,
        "Cancel" => Deed::Cancel,
        _ => Deed::Execute,
    });
    let execution_delay = place.at("execution_delay_in_seconds").seconds(&mut faults);
    let settlement_delay = place.at("settlement_delay_in_seconds").seconds(&mut faults);
    let redirect = place.at("redirect").value().and_then(Json::as_bool).unwrap_or(false);
    faults.unless(deed.map(|deed| (Choice { deed, execution_delay, settlement_delay }, redirect)))
}

/// The two parts of the address with which a payer came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::truelayer) struct Returned {
    /// The part after the question mark, without it.
    pub(in crate::truelayer) query: String,
    /// The part after the hash sign, without it.
    pub(in crate::truelayer) fragment: String,
}

impl Returned {
    /// Reads the body of the call.
    pub(in crate::truelayer) fn read(json: &Json) -> Result<Self, Fault> {
        let mut faults = Faults::default();
        let place = Place::root(json, &mut faults);
        let part = |name: &str, sign: char, faults: &mut Faults| {
            let text = place.at(name).text(faults).unwrap_or_default();
            text.strip_prefix(sign).unwrap_or(text).to_owned()
        };
        let returned = Self { query: part("query", '?', &mut faults), fragment: part("fragment", '#', &mut faults) };
        faults.unless(Some(returned))
    }

    /// A value of either part.
    pub(in crate::truelayer) fn value(&self, name: &str) -> Option<String> {
        [&self.fragment, &self.query].into_iter().find_map(|part| {
            let mut pairs = url::form_urlencoded::parse(part.as_bytes());
            pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        })
    }
}

/// A bank in a list.
#[derive(Debug, Clone, Serialize)]
pub(in crate::truelayer) struct ProviderItem {
    id: &'static str,
    display_name: &'static str,
    icon_uri: String,
    logo_uri: String,
    bg_color: &'static str,
    country_code: &'static str,
}

impl ProviderItem {
    /// A bank whose picture is served at this origin.
    pub(in crate::truelayer) fn new(provider: &Provider, origin: &str) -> Self {
        let picture = picture(provider, origin);
        Self {
            id: provider.id,
            display_name: provider.display_name,
            icon_uri: picture.clone(),
            logo_uri: picture,
            bg_color: "#FFFFFF",
            country_code: provider.country,
        }
    }
}

/// Where a bank's picture is.
pub(in crate::truelayer) fn picture(provider: &Provider, origin: &str) -> String {
    format!("{origin}/static/mock-{}.svg", provider.country.to_ascii_lowercase())
}

/// What the client has to do next.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::truelayer) enum Next {
    /// Show these banks.
    ProviderSelection {
        /// At least one.
        providers: Vec<ProviderItem>,
    },
    /// Ask the payer to agree.
    Consent {
        /// What comes after it.
        subsequent_action_hint: &'static str,
    },
    /// Ask the payer for more.
    Form {
        /// At least one.
        inputs: Vec<Input>,
    },
    /// Send the payer there.
    Redirect {
        /// Where.
        uri: String,
    },
    /// Nothing.
    Wait,
    /// Begin again.
    Retry,
}

/// A question of a form.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::truelayer) enum Input {
    /// A free text.
    Text {
        /// Its id.
        id: &'static str,
        /// It must be answered.
        mandatory: bool,
        /// What people read.
        display_text: Label,
        /// What may be typed.
        format: &'static str,
        /// Hide what is typed.
        sensitive: bool,
        /// Characters.
        min_length: u32,
        /// Characters.
        max_length: u32,
        /// None.
        regexes: [(); 0],
    },
    /// A choice.
    Select {
        /// Its id.
        id: &'static str,
        /// It must be answered.
        mandatory: bool,
        /// What people read.
        display_text: Label,
        /// The choices.
        options: Vec<InputOption>,
    },
}

/// A text for people, with the key of its translations.
#[derive(Debug, Clone, Serialize)]
pub(in crate::truelayer) struct Label {
    key: String,
    default: &'static str,
}

/// A choice of a question.
#[derive(Debug, Clone, Serialize)]
pub(in crate::truelayer) struct InputOption {
    id: &'static str,
    display_text: Label,
}

impl Input {
    /// A bank's question.
    pub(in crate::truelayer) fn new(question: &Question) -> Self {
        let label = |id: &str, default| Label { key: format!("{id}.display_text"), default };
        let display_text = label(question.id, question.text);
        if question.choices.is_empty() {
            return Self::Text {
                id: question.id,
                mandatory: true,
                display_text,
                format: "any",
                sensitive: false,
                min_length: 1,
                max_length: INPUT_LENGTH_MAX,
                regexes: [],
            };
        }
        let options = question.choices.iter();
        let options = options.map(|(id, text)| InputOption { id, display_text: label(id, text) }).collect();
        Self::Select { id: question.id, mandatory: true, display_text, options }
    }
}

/// The authorisation as answers show it.
#[derive(Debug, Clone, Serialize)]
pub(in crate::truelayer) struct FlowBody {
    actions: Actions,
}

#[derive(Debug, Clone, Serialize)]
struct Actions {
    next: Next,
}

impl FlowBody {
    /// An authorisation that goes on like this.
    pub(in crate::truelayer) fn new(next: Next) -> Self {
        Self { actions: Actions { next } }
    }
}

/// The answer to every call of the authorisation.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Envelope {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_flow: Option<FlowBody>,
}

impl Envelope {
    /// A payment of this status.
    pub(in crate::truelayer) fn new(status: &'static str, flow: Option<FlowBody>) -> Self {
        Self { status, authorization_flow: flow }
    }
}

/// The answer to a payer's return.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct ReturnedBody {
    resource: Resource,
}

#[derive(Debug, Serialize)]
struct Resource {
    r#type: &'static str,
    payment_id: String,
}

impl ReturnedBody {
    /// The payer of this payment came back.
    pub(in crate::truelayer) fn new(payment_id: String) -> Self {
        Self { resource: Resource { r#type: "payment", payment_id } }
    }
}
