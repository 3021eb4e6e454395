"""What a pupil's phone and a class's teacher see outside the pages: plain HTML forms of two routes, no session of Streamlit"""
