// The hosted payment page: drives the authorisation with the payment's own
// token, and ends at the shop.
"use strict";

(function () {
  const given = payer.fragment();
  const id = given.get("payment_id") || "";
  const token = given.get("resource_token") || "";
  const path = "/payments/" + encodeURIComponent(id);
  const flow = path + "/authorization-flow";
  const parts = ["providers", "form", "consent", "again", "back"];

  function shop() {
    const uri = given.get("return_uri");
    if (!uri) return null;
    try {
      const target = new URL(uri);
      if (target.protocol !== "http:" && target.protocol !== "https:") return null;
      target.searchParams.append("payment_id", id);
      return target.href;
    } catch (error) {
      return null;
    }
  }

  function only(part, text) {
    parts.forEach((other) => payer.show(other, other === part));
    payer.say("what", text);
  }

  function over(text) {
    const uri = shop();
    only(uri ? "back" : "", text);
    if (uri) payer.element("shop").href = uri;
  }

  function amount(payment) {
    const money = new Intl.NumberFormat(undefined, { style: "currency", currency: payment.currency });
    const places = money.resolvedOptions().maximumFractionDigits;
    payer.say("amount", money.format(payment.amount_in_minor / 10 ** places));
    payer.show("payment", true);
  }

  async function attempt(work) {
    payer.say("notice", "");
    try {
      await work();
    } catch (error) {
      payer.fail("Nothing was paid. " + error.message);
      only("again", "");
    }
  }

  async function act(action, body) {
    step(await payer.call("POST", flow + "/actions/" + action, token, body));
  }

  function providers(list) {
    const place = payer.element("providers");
    place.replaceChildren();
    list.forEach((provider) => {
      const button = document.createElement("button");
      const image = document.createElement("img");
      button.type = "button";
      button.className = "provider";
      image.src = new URL(provider.icon_uri).pathname;
      image.alt = "";
      button.append(image, provider.display_name);
      button.addEventListener("click", () =>
        attempt(() => act("provider-selection", { provider_id: provider.id }))
      );
      place.append(button);
    });
    only("providers", "Choose your bank.");
  }

  function form(inputs) {
    const place = payer.element("inputs");
    place.replaceChildren();
    inputs.forEach((input) => {
      const label = document.createElement("label");
      const field = document.createElement(input.type === "select" ? "select" : "input");
      if (input.type === "select") {
        input.options.forEach((option) => field.append(new Option(option.display_text.default, option.id)));
      } else {
        field.type = "text";
        field.maxLength = input.max_length;
      }
      field.name = input.id;
      field.required = input.mandatory;
      label.append(input.display_text.default, field);
      place.append(label);
    });
    only("form", "Your bank wants to know more.");
  }

  function step(envelope) {
    const next = envelope.authorization_flow && envelope.authorization_flow.actions.next;
    if (envelope.status === "failed" || !next) return over("The payment was not made.");
    if (next.type === "provider_selection") return providers(next.providers);
    if (next.type === "consent") return only("consent", "You go to your bank and agree to the payment there.");
    if (next.type === "form") return form(next.inputs);
    if (next.type === "redirect") return payer.go(next.uri);
    return over("Your bank is working on it.");
  }

  async function begin() {
    const body = {
      provider_selection: {},
      redirect: { return_uri: given.get("return_uri") || location.origin + location.pathname + location.hash },
      consent: {},
      form: { input_types: ["text", "select", "text_with_image"] },
    };
    step(await payer.call("POST", flow, token, body));
  }

  async function start() {
    const payment = await payer.call("GET", path, token);
    amount(payment);
    if (payment.status === "authorization_required" || payment.status === "attempt_failed") return begin();
    if (payment.status === "authorizing") return step(payment);
    return over(payment.status === "failed" ? "The payment was not made." : "The payment is made.");
  }

  payer.element("agree").addEventListener("click", () => attempt(() => act("consent", {})));
  payer.element("retry").addEventListener("click", () => attempt(start));
  payer.element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const inputs = Object.fromEntries(new FormData(event.target));
    attempt(() => act("form", { inputs }));
  });
  attempt(start);
})();
