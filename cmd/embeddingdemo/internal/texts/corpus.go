package texts

// A language is a set of sentences that are joined into texts.
type language struct {
	name string

	// joiner stands between sentences.
	joiner string

	sentences []string
}

// corpus returns the sentences that texts are made of. They are about what embedding services are asked about:
// search, support, products, documents, code.
func corpus() []language {
	return []language{
		{"English", " ", []string{
			"How do I reset the password of a shared mailbox?",
			"The invoice for last month is missing the purchase order number.",
			"Retrieval works best when passages are short and say one thing.",
			"Shipping to the islands takes five working days, and returns are free within thirty days of delivery.",
			"The pump stops when the tank level falls below the lower float switch.",
			"Summarise the findings of the annual safety inspection.",
		}},
		{"German", " ", []string{
			"Wie beantrage ich eine Verlängerung der Gewährleistung?",
			"Die Rechnung wurde am Monatsende doppelt gebucht und muss storniert werden.",
			"Vor dem Öffnen des Gehäuses ist der Netzstecker zu ziehen.",
		}},
		{"French", " ", []string{
			"Comment puis-je modifier l'adresse de livraison de ma commande ?",
			"Le rapport compare les coûts d'exploitation des trois dernières années.",
			"Les données sont conservées pendant douze mois puis effacées.",
		}},
		{"Spanish", " ", []string{
			"¿Dónde puedo consultar el estado de mi reembolso?",
			"El motor se calienta después de veinte minutos de funcionamiento continuo.",
			"La búsqueda semántica encuentra documentos aunque no compartan palabras con la consulta.",
		}},
		{"Portuguese", " ", []string{
			"O aplicativo fecha sozinho quando tento enviar uma fotografia.",
			"A reunião foi adiada para quinta-feira por causa da greve dos transportes.",
			"Quais documentos são necessários para abrir uma conta?",
		}},
		{"Italian", " ", []string{
			"Il contratto si rinnova automaticamente ogni anno salvo disdetta.",
			"Quale farina si usa per il pane a lunga lievitazione?",
			"La batteria dura circa otto ore con luminosità media.",
		}},
		{"Russian", " ", []string{
			"Как подключить второй монитор к ноутбуку?",
			"Отчёт о продажах за третий квартал будет готов в пятницу.",
			"Векторный поиск сравнивает смысл текстов, а не отдельные слова.",
		}},
		{"Ukrainian", " ", []string{
			"Де можна переглянути історію замовлень?",
			"Поїзд до Львова відправляється з другої колії о сьомій ранку.",
			"Оновлення виправляє помилку під час збереження файлів.",
		}},
		{"Polish", " ", []string{
			"Proszę o przesłanie faktury na nowy adres elektroniczny.",
			"Urządzenie należy czyścić wyłącznie suchą ściereczką.",
			"Biblioteka jest otwarta od poniedziałku do soboty.",
		}},
		{"Turkish", " ", []string{
			"Siparişim neden hâlâ kargoya verilmedi?",
			"Toplantı notlarını ekip klasörüne yükledim.",
			"Su filtresi altı ayda bir değiştirilmelidir.",
		}},
		{"Finnish", " ", []string{
			"Missä voin vaihtaa tilauksen toimitusosoitteen?",
			"Laite käynnistyy uudelleen päivityksen jälkeen.",
			"Talvella junat voivat olla lumisateen vuoksi myöhässä.",
		}},
		{"Greek", " ", []string{
			"Πώς μπορώ να ακυρώσω τη συνδρομή μου;",
			"Το μουσείο μένει κλειστό κάθε Τρίτη.",
			"Η θερμοκρασία του δωματίου ρυθμίζεται από τον πίνακα δίπλα στην πόρτα.",
		}},
		{"Arabic", " ", []string{
			"كيف يمكنني تغيير كلمة المرور الخاصة بحسابي؟",
			"تصل الشحنة خلال ثلاثة أيام عمل من تاريخ الطلب.",
			"يقارن البحث الدلالي معاني النصوص وليس كلماتها فقط.",
		}},
		{"Hebrew", " ", []string{
			"איך אפשר לעדכן את פרטי התשלום?",
			"הספרייה סגורה בחגים ובסופי שבוע.",
			"המסמך מתאר את תהליך ההתקנה שלב אחר שלב.",
		}},
		{"Hindi", " ", []string{
			"मैं अपना ऑर्डर कैसे रद्द कर सकता हूँ?",
			"बैठक का समय बदलकर शाम चार बजे कर दिया गया है।",
			"यह दवा भोजन के बाद दिन में दो बार लें।",
		}},
		{"Bengali", " ", []string{
			"আমি কীভাবে আমার ঠিকানা পরিবর্তন করব?",
			"বর্ষাকালে নদীর পানি দ্রুত বেড়ে যায়।",
			"প্রতিবেদনটি আগামী সপ্তাহে প্রকাশিত হবে।",
		}},
		{"Thai", "", []string{
			"ฉันจะติดตามสถานะการจัดส่งได้ที่ไหน",
			"ร้านอาหารเปิดทุกวันตั้งแต่สิบโมงเช้าถึงสามทุ่ม",
			"กรุณาอ่านคู่มือก่อนใช้งานเครื่อง",
		}},
		{"Vietnamese", " ", []string{
			"Làm thế nào để đổi mật khẩu tài khoản của tôi?",
			"Chuyến bay bị hoãn hai giờ vì thời tiết xấu.",
			"Sản phẩm được bảo hành mười hai tháng kể từ ngày mua.",
		}},
		{"Swahili", " ", []string{
			"Ninawezaje kufuatilia mzigo wangu?",
			"Mkutano umeahirishwa hadi kesho asubuhi.",
			"Maji ya kunywa yanapaswa kuchemshwa kwanza.",
		}},
		{"Chinese", "", []string{
			"如何在手机上修改收货地址？",
			"语义检索比较的是文本的含义，而不是相同的词语。",
			"本季度的销售额比去年同期增长了百分之十二。",
			"请在打开机箱之前断开电源，并等待五分钟。",
		}},
		{"Japanese", "", []string{
			"パスワードを忘れた場合はどうすればいいですか。",
			"会議の議事録は共有フォルダーに保存してあります。",
			"この装置は水平な場所に設置してください。",
		}},
		{"Korean", " ", []string{
			"배송지를 변경하려면 어떻게 해야 하나요?",
			"회의는 다음 주 월요일 오전 열 시에 시작합니다.",
			"제품을 사용하기 전에 설명서를 읽어 주십시오.",
		}},
		{"code", "\n", []string{
			"func Max(a, b int) int {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}",
			"def cosine(a, b):\n    return sum(x * y for x, y in zip(a, b)) / (norm(a) * norm(b))",
			"SELECT customer_id, SUM(total) FROM orders WHERE created_at >= '2025-01-01' GROUP BY customer_id;",
			"{\"level\": \"error\", \"service\": \"checkout\", \"status\": 502, \"duration_ms\": 30012}",
			"for f in *.log; do gzip --best \"$f\" && mv \"$f.gz\" archive/; done",
		}},
		{"numbers", "; ", []string{
			"3.14159 2.71828 1.41421 1.73205",
			"2025-03-14T09:26:53Z 192.0.2.17 GET /v1/items 200 1834 0.012",
			"A4-1190/22 qty 40 @ 12.95 EUR = 518.00 EUR",
		}},
	}
}
