"""What an action came to is told once, and no page that is drawn anew half-way swallows it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def interrupted() -> None:
    """A page that is begun anew right after it has shown its notice, as one that a live part interrupts."""
    import streamlit as st

    from console.components import notices

    if "begun" not in st.session_state:
        st.session_state["begun"] = True
        notices.done("It is saved")
        notices.show()
        st.rerun()
    notices.show()
    notices.put_away()


def test_a_notice_outlives_a_page_that_was_not_drawn_to_its_end() -> None:
    page = AppTest.from_function(interrupted).run()
    assert "It is saved" in "".join(m.value for m in page.markdown)
    assert "It is saved" not in "".join(m.value for m in page.run().markdown)


def drawn_by_itself() -> None:
    import streamlit as st

    from console.components import notices

    turn = st.session_state["turn"] = st.session_state.get("turn", 0) + 1
    if turn == 1:
        notices.done("It is saved")
    if turn == 2:
        notices.again()
    notices.show()
    notices.put_away()


def test_a_notice_outlives_a_page_that_is_drawn_anew_by_itself() -> None:
    page = AppTest.from_function(drawn_by_itself).run()
    assert "It is saved" in "".join(m.value for m in page.run().markdown)
    assert "It is saved" not in "".join(m.value for m in page.run().markdown)
