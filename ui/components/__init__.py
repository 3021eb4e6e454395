"""Parts of a page that Streamlit does not have: Python beside their .js and .css files."""
