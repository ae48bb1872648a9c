"""Names for simulated people: plain ones to combine, and full ones in many scripts for the awkward course."""

from __future__ import annotations

FIRST_NAMES = (
    "Aaliyah", "Adam", "Agnieszka", "Amara", "Anders", "Aoife", "Beatriz", "Benedikt", "Bilal",
    "Carla", "Chidi", "Chloe", "Daniel", "Deniz", "Dolores", "Eero", "Elif", "Emeka", "Esther",
    "Fatou", "Felix", "Freya", "Gabriel", "Giulia", "Hamza", "Hana", "Henrik", "Ines", "Isaac",
    "Ivana", "Jamal", "Jasmin", "Joao", "Julia", "Kaito", "Katarina", "Kwame", "Lars", "Leila",
    "Liam", "Lucía", "Magnus", "Malika", "Mateus", "Mei", "Mira", "Naomi", "Niamh", "Noah", "Olena",
    "Oscar", "Pedro", "Priya", "Quentin", "Rania", "Rosa", "Samuel", "Saoirse", "Sofie", "Tariq",
    "Thandiwe", "Tomás", "Uma", "Viktor", "Wei", "Xenia", "Yara", "Yusuf", "Zeynep", "Zoë",
)  # fmt: skip

LAST_NAMES = (
    "Abara", "Achterberg", "Adeyemi", "Aguilar", "Ahlström", "Baptiste", "Bergmann", "Bianchi",
    "Byrne", "Castellanos", "Chaudhry", "Cohen", "Correia", "Dąbrowska", "Dimitrov", "Dubois",
    "Eriksen", "Fernández", "Fitzgerald", "Forsyth", "Gallagher", "Georgiou", "Gupta", "Haddad",
    "Hoang", "Horvat", "Ivanova", "Jansen", "Kamara", "Kaplan", "Kowalczyk", "Laurent", "Lindqvist",
    "MacLeod", "Mahlangu", "Marchetti", "Mendoza", "Mokoena", "Moreau", "Nakamura", "Nasser",
    "Nguyen", "Novák", "Nwosu", "Okafor", "Ong", "Osei", "Papadakis", "Pereira", "Petrov", "Quispe",
    "Rahman", "Ramírez", "Rossi", "Saarinen", "Sharma", "Silva", "Soto", "Svoboda", "Szabó",
    "Takahashi", "Tan", "Tembo", "Turner", "Varga", "Vasquez", "Weber", "Yıldız", "Zhang",
    "Zimmermann",
)  # fmt: skip

NAMES_IN_MANY_SCRIPTS = (
    ("Олена Шевчук", "Шевчук, Олена"),
    ("Дмитрий Соколов", "Соколов, Дмитрий"),
    ("Ελένη Παπαδοπούλου", "Παπαδοπούλου, Ελένη"),
    ("Νίκος Αντωνίου", "Αντωνίου, Νίκος"),
    ("ليلى حداد", "حداد، ليلى"),
    ("يوسف المصري", "المصري، يوسف"),
    ("王小明", "王小明"),
    ("陳美玲", "陳美玲"),
    ("अनन्या शर्मा", "शर्मा, अनन्या"),
    ("रोहन पटेल", "पटेल, रोहन"),
    ("김서연", "김서연"),
    ("נועה לוי", "לוי, נועה"),
    ("Zoë D’Árcy-O’Brien", "D’Árcy-O’Brien, Zoë"),
    ("José María de la Cruz y Fernández-Villaverde", "de la Cruz y Fernández-Villaverde, José María"),
    ("Nguyễn Thị Ánh Tuyết", "Nguyễn, Thị Ánh Tuyết"),
    ("X Æ <b>Bold</b> & Co", "Bold, X Æ"),
    ("=SUM(A1:A9) Formula", "Formula, =SUM(A1:A9)"),
    ("Sunita", "Sunita"),
)
"""(name, sortable name) in eight scripts; markup and a spreadsheet formula among them."""
