export default function ({ data }) {
  fetch(new URL(data.address, document.baseURI), {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: data.key }),
  });
}
