"""streamlit run streamlit_app.py: a station of a source over a month, from a running `vigie serve`."""
from urllib.parse import quote

import pandas as pd
import streamlit as st

API = "http://127.0.0.1:8470/api/v1"
source = st.selectbox("Source", pd.json_normalize(pd.read_json(f"{API}/measures")["sources"]).query("not events")["id"])
entities = pd.read_csv(f"{API}/entities?source={source}&limit=1000&format=csv", dtype={"entity": str})
entity = st.selectbox("Entity", entities["entity"], format_func=entities.set_index("entity")["name"].get)
series = pd.read_parquet(f"{API}/series?source={source}&entity={quote(entity, safe='')}&step=day&format=parquet")
st.line_chart(series, x="start", y=["min", "mean", "max"])
st.caption(series["attribution"][0])
