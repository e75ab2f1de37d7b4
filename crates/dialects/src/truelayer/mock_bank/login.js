// The mock bank's page: shows the payment and tells the bank what the payer
// decided. The token stands in the fragment of the address.
"use strict";

(function () {
  const id = location.pathname.split("/").filter(Boolean).pop();
  const token = payer.fragment().get("token") || "";
  const path = "/api/single-immediate-payments/" + encodeURIComponent(id);

  function chosen() {
    const user = document.querySelector("input[name=user]:checked");
    const wish = { action: user.value, redirect: false };
    const execution = Number(payer.element("execution").value);
    const settlement = payer.element("settlement").value;
    if (execution > 0) wish.execution_delay_in_seconds = execution;
    if (settlement !== "") wish.settlement_delay_in_seconds = Number(settlement);
    return wish;
  }

  function describe() {
    const body = JSON.stringify(chosen());
    payer.element("delays").disabled = chosen().action !== "Execute";
    payer.say(
      "curl",
      "curl -X POST " + location.origin + path + "/action \\\n  -H 'Authorization: Bearer " + token +
        "' \\\n  -H 'Content-Type: application/json' \\\n  -d '" + body + "'"
    );
  }

  async function decide(wish) {
    const buttons = document.querySelectorAll("button");
    buttons.forEach((button) => (button.disabled = true));
    try {
      payer.go(await payer.call("POST", path + "/action", token, wish));
    } catch (error) {
      payer.fail("Nothing was sent. " + error.message);
      buttons.forEach((button) => (button.disabled = false));
    }
  }

  async function start() {
    let visit;
    try {
      visit = await payer.call("GET", path, token);
    } catch (error) {
      payer.fail("This visit cannot be opened. " + error.message);
      return;
    }
    payer.say("provider", visit.provider);
    payer.say("merchant", visit.merchant);
    payer.say("amount", visit.amount);
    payer.say("id", visit.payment_id);
    payer.show("payment", true);
    if (!visit.open) {
      payer.fail("There is nothing to decide: the payment is " + visit.status.replaceAll("_", " ") + ".");
      return;
    }
    payer.show("form", true);
    payer.show("headless", true);
    const form = payer.element("form");
    form.addEventListener("change", describe);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      decide(chosen());
    });
    payer.element("cancel").addEventListener("click", () => decide({ action: "Cancel", redirect: false }));
    describe();
  }

  start();
})();
