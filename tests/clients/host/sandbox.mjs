// The outer frame of the extension's double frame: it shows the page in an inner frame, and forwards messages.
const inner = document.body.appendChild(document.createElement("iframe"));
inner.title = "view";
inner.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
const host = new URL(document.referrer).origin;

addEventListener("message", ({ source, origin, data }) => {
  if (source === inner.contentWindow) {
    window.parent.postMessage(data, host);
  } else if (source === window.parent && origin === host) {
    if (data.method !== "ui/notifications/sandbox-resource-ready") return inner.contentWindow.postMessage(data, "*");
    inner.contentDocument.open();
    inner.contentDocument.write(data.params.html);
    inner.contentDocument.close();
  }
});
window.parent.postMessage({ jsonrpc: "2.0", method: "ui/notifications/sandbox-proxy-ready", params: {} }, host);
