// Writes the address of the page without a new entry in the browser's history: Streamlit's own way always makes one.

export default function ({ data }) {
  if (data.language) {
    const secure = window.location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `atelier_language=${data.language}; path=/; max-age=31536000; SameSite=Lax${secure}`;
  }
  document.documentElement.lang = data.language;  // of the page, for readers and hyphenation: Streamlit says "en"
  if (!data.query) return;
  const here = new URL(window.location.href);
  const last = here.pathname.replace(/\/$/, "").split("/").pop();
  if ((data.pages.includes(last) ? last : "") !== data.page) return; // somebody has gone on to another page meanwhile
  const wanted = new URL(here);
  if (data.to) wanted.pathname = here.pathname.replace(/[^/]*\/?$/, data.to);
  const query = new URLSearchParams(here.search);
  data.names.forEach((name) => query.delete(name));
  Object.entries(data.query).forEach(([name, value]) => query.set(name, value));
  wanted.search = query.toString();
  if (wanted.href === here.href) return;
  window.history.replaceState({}, "", wanted);
  // Streamlit looks at the address again, as after Back, and runs the page that it names.
  if (data.to) window.dispatchEvent(new PopStateEvent("popstate"));
}
