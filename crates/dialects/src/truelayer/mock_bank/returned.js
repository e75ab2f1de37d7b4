// The page to which the bank sends the payer: hands both parts of its address
// on, and then goes to the shop.
"use strict";

(function () {
  const id = new URLSearchParams(location.search).get("mock-payment-id") || "";
  const token = payer.fragment().get("token") || "";

  async function hand() {
    payer.show("again", false);
    payer.say("notice", "");
    try {
      await payer.call("POST", "/spa/submit-provider-return-parameters", "", {
        query: location.search,
        fragment: location.hash,
      });
    } catch (error) {
      payer.say("what", "");
      payer.fail("The shop was not told yet, and nothing was paid. " + error.message);
      payer.show("again", true);
      return;
    }
    let visit = {};
    try {
      visit = await payer.call("GET", "/api/single-immediate-payments/" + encodeURIComponent(id), token);
    } catch (error) {
      visit = {};
    }
    if (visit.return_uri) {
      payer.say("what", "Done. You go back to the shop now.");
      payer.go(visit.return_uri);
    } else {
      payer.say("what", "Done. You can close this window.");
    }
  }

  payer.element("retry").addEventListener("click", hand);
  hand();
})();
