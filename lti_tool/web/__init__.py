"""The instructor's pages, server-rendered; they speak to ``lti_tool.services`` only.

``factory.create_web`` builds the application. A page's address without an ``Authorization`` header gives
an empty shell; ``static/frame.mjs`` in it fetches the same address with the session's token and shows the
answer. No cookie has any authority here, so nothing that another site could make a browser send counts.
"""
