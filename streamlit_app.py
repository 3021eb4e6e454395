"""Atelier's dashboard: `streamlit run streamlit_app.py`.

Run as a script it shows the frame with the page that was asked for. Imported by the server it makes the application, with
routes of its own (the plotting library, exported files, the phones of a class) and a bound on uploads, sweeps visitors' uploads, and calls `st.navigation` once: that switches off the old mode in which a folder
named `pages/` is run without the frame (tests/browser/test_browser.py opens every page's own address on a cold server).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

if __name__ == "__main__":
    from ui import frame

    frame.show()
else:
    import logging

    import streamlit as st
    from starlette.middleware import Middleware

    from ui import downloads, network, owner, owner_file, sweeping, upload_memory
    from ui.components.figure import live
    from ui.lesson import lead
    from ui.phone import routes as phone

    owner_file.keep_from_streamlit()
    sweeping.start()
    app = st.App(
        __file__,
        routes=[*live.routes(), *downloads.routes(), *owner.routes(), *lead.routes(), *phone.routes()],
        middleware=[*network.middleware(), Middleware(upload_memory.Guard)],
        lifespan=network.lifespan,
    )
    without_session = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    without_session.disabled = True  # it would warn whoever starts the server of a call that is made on purpose
    st.navigation([lambda: None])
    without_session.disabled = False
