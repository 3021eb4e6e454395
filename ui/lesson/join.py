"""How a class joins: opened by a press, the address and the code in large letters, how many are there."""

import html
from urllib.parse import urlencode

import streamlit as st

from engine.classroom import classes, opening, votes
from engine.classroom.classes import SchoolClass
from ui import access, errors, network, phone_address, present
from ui.i18n import _, _n, language
from ui.lesson import course as courses
from ui.lesson import lead, offline, room
from ui.lesson.course import Course
from ui.phone import opening as door


def show(course: Course) -> None:
    """Shows how to join the class, and to its teacher what else there is; or how a class is opened."""
    if course.of is None:
        _without(course)
        if access.is_owner() and not present.on():
            st.button(_("Check this room"), icon=":material/fact_check:", key="lesson_room", on_click=room.open_)
        # It holds the answers: a pupil of an open class would read them.
        if not present.on() and not classes.any_open():
            offline.offer(course.lesson, is_quiet=opening.refusal() is None and access.is_owner())
        return
    _door(course.of)
    if course.leads and not present.on():
        _links(course, course.of)


def _without(course: Course) -> None:
    for code in lead.led():  # whoever closed the page comes back to her class
        label = _("Go on with class {code}", code=code)
        st.button(label, icon=":material/undo:", key=f"lesson_back_{code}", on_click=courses.come_back, args=(code,))
    refused = opening.refusal()
    if refused is not None:
        st.info(errors.markdown(refused), icon=":material/phonelink_off:")
    elif access.is_owner():
        pressed = st.button(
            _("Open a class for phones"), type="primary", icon=":material/qr_code:", key="lesson_open_class"
        )
        if pressed:
            with errors.shown():
                opened = door.open_class(course.lesson.name, language()).opened
                courses.opened(opened.code, opened.key)
                st.rerun()
    else:
        st.caption(_("Whoever runs this server opens classes with phones, and nobody else."))
    st.markdown(
        _(
            "Without phones: hold up cards A to E, or hands. They are counted below each question, and the lesson is the same."
        )
    )


def _door(of: SchoolClass) -> None:
    addresses = opening.join_addresses(network.addresses())
    lines, picture = "", ""
    if addresses:
        st.markdown(_("On the phone, type this address, then the code:"))
        lines = "".join(f'<p class="join-address">{html.escape(one)}</p>' for one in addresses[:2])
        code = phone_address.picture(opening.in_full(addresses[0], of.code))
        said = html.escape(_("QR code of the class's address"), quote=True)
        picture = f'<img src="{code}" alt="{said}">'
    else:
        st.info(
            _(
                "This server answers this machine alone: no phone reaches it. Start it with `--server.address 0.0.0.0`, or use cards."
            ),
            icon=":material/phonelink_off:",
        )
    st.html(f'<div class="join"><div>{lines}<p class="join-code">{html.escape(of.code)}</p></div>{picture}</div>')
    phones = votes.pupils(of)
    st.markdown(_n("{n} phone is in the class.", "{n} phones are in the class.", phones))


def _links(course: Course, of: SchoolClass) -> None:
    key = str(st.session_state.get(courses.KEY))
    base = courses.own_address()
    own = {"class": of.code, "key": key, "language": language()}
    wall, notes = (f"{base}/lesson?{urlencode({**own, **more})}" for more in ({"present": "1"}, {"view": "teacher"}))
    with st.expander(_("For the teacher"), key="lesson_for_teacher"):
        st.markdown(
            _(
                "Two windows: the wall on the projector, your notes on your own screen. Wherever you turn the page, the other follows."
            )
        )
        with st.container(horizontal=True):
            st.link_button(_("The wall in a window of its own"), wall, icon=":material/slideshow:")
            st.link_button(_("My notes in a window of their own"), notes, icon=":material/speaker_notes:")
            st.link_button(
                _("All answers, and erasing them"),
                f"{base}/{opening.ADDRESS}/teacher/{key}",
                icon=":material/lists:",
            )
            joining = votes.joining(of)
            st.button(
                _("Let nobody else join") if joining else _("Let phones join"),
                key="lesson_joining",
                on_click=_set_joining,
                args=(of, not joining),
            )
            st.button(_("Go on without this class"), key="lesson_leave", on_click=courses.left)
        offline.offer(course.lesson, is_quiet=True)
        st.caption(_("The answers stay on this machine and go by themselves on {day}.", day=of.erased))


def _set_joining(of: SchoolClass, allowed: bool) -> None:
    with errors.shown():
        votes.set_joining(of, allowed)
