<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja_JP">
<context>
    <name>AboutEngine</name>
    <message>
        <source>About the engine</source>
        <translation>エンジンについて</translation>
    </message>
    <message>
        <source>Runtime</source>
        <translation>ランタイム</translation>
    </message>
    <message>
        <source>Versions</source>
        <translation>バージョン</translation>
    </message>
    <message>
        <source>Runs on</source>
        <translation>実行装置</translation>
    </message>
    <message>
        <source>Log files</source>
        <translation>ログファイル</translation>
    </message>
    <message>
        <source>Asking the engine…</source>
        <translation>エンジンに問い合わせています…</translation>
    </message>
</context>
<context>
    <name>Actions</name>
    <message>
        <source>&amp;Open…</source>
        <translation>開く(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Generate a picture…</source>
        <translation>画像を生成(&amp;G)…</translation>
    </message>
    <message>
        <source>Start &amp;page and samples</source>
        <translation>スタートページとサンプル(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Save</source>
        <translation>保存(&amp;S)</translation>
    </message>
    <message>
        <source>Save &amp;as…</source>
        <translation>名前を付けて保存(&amp;A)…</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>終了(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>元に戻す(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>やり直す(&amp;R)</translation>
    </message>
    <message>
        <source>Re&amp;fine</source>
        <translation>仕上げる(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Keep the edit as a layer</source>
        <translation>編集結果をレイヤーとして残す(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>キャンセル(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Place a drag</source>
        <translation>ドラッグを置く(&amp;P)</translation>
    </message>
    <message>
        <source>Place a p&amp;in</source>
        <translation>ピンを置く(&amp;I)</translation>
    </message>
    <message>
        <source>Select all &amp;markers</source>
        <translation>マーカーをすべて選択(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Delete markers</source>
        <translation>マーカーを削除(&amp;D)</translation>
    </message>
    <message>
        <source>Re&amp;verse drags</source>
        <translation>ドラッグの向きを逆にする(&amp;V)</translation>
    </message>
    <message>
        <source>Mirror d&amp;rags</source>
        <translation>ドラッグを左右反転して複製(&amp;R)</translation>
    </message>
    <message>
        <source>Forget what &amp;may change</source>
        <translation>変更できる範囲の指定を解除(&amp;M)</translation>
    </message>
    <message>
        <source>Forget what is &amp;protected</source>
        <translation>保護する範囲の指定を解除(&amp;P)</translation>
    </message>
    <message>
        <source>Forget what m&amp;oves</source>
        <translation>動かすものの指定を解除(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;Find what moves</source>
        <translation>動かすものを検出(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Erase</source>
        <translation>消去(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Show masks</source>
        <translation>マスクを表示(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Fit the window</source>
        <translation>ウィンドウに合わせる(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;100 %</source>
        <translation>100%(&amp;1)</translation>
    </message>
    <message>
        <source>Zoom &amp;in</source>
        <translation>拡大(&amp;I)</translation>
    </message>
    <message>
        <source>Zoom &amp;out</source>
        <translation>縮小(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;Compare before and after</source>
        <translation>編集前と後を比較(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Mirror the view</source>
        <translation>表示を左右反転(&amp;M)</translation>
    </message>
    <message>
        <source>Turn the view &amp;left</source>
        <translation>表示を左に回転(&amp;L)</translation>
    </message>
    <message>
        <source>Turn the view &amp;right</source>
        <translation>表示を右に回転(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Straighten the view</source>
        <translation>表示の回転を戻す(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Drag</source>
        <translation>ドラッグ(&amp;D)</translation>
    </message>
    <message>
        <source>Brush: &amp;may change</source>
        <translation>ブラシ: 変更できる範囲(&amp;M)</translation>
    </message>
    <message>
        <source>Brush: &amp;protect</source>
        <translation>ブラシ: 保護する範囲(&amp;P)</translation>
    </message>
    <message>
        <source>Brush: move &amp;this</source>
        <translation>ブラシ: 動かすもの(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Quick select what moves</source>
        <translation>動かすものをクイック選択(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Hand</source>
        <translation>手のひら(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;Swap may change and protect</source>
        <translation>変更・保護ブラシを切り替え(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Panels and bars</source>
        <translation>パネルとバー(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>ファイル(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>編集(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Mask</source>
        <translation>マスク(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>表示(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Tools</source>
        <translation>ツール(&amp;T)</translation>
    </message>
</context>
<context>
    <name>Badge</name>
    <message>
        <source>What the canvas shows</source>
        <translation>キャンバスに表示されているもの</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>編集前</translation>
    </message>
    <message>
        <source>{title}: preview</source>
        <translation>{title}：プレビュー</translation>
    </message>
    <message>
        <source>{title}: keeping…</source>
        <translation>{title}：保存中…</translation>
    </message>
    <message>
        <source>{title}: stopped early · Enter keeps it as a layer</source>
        <translation>{title}：途中で停止 · Enter でレイヤーとして残す</translation>
    </message>
    <message>
        <source>{title} · Enter keeps it as a layer</source>
        <translation>{title} · Enter でレイヤーとして残す</translation>
    </message>
</context>
<context>
    <name>BrushTool</name>
    <message>
        <source>Erase from the mask</source>
        <translation>マスクの一部を消去</translation>
    </message>
    <message>
        <source>Paint the mask</source>
        <translation>マスクを描画</translation>
    </message>
</context>
<context>
    <name>CanvasInput</name>
    <message>
        <source>Picture</source>
        <translation>画像</translation>
    </message>
</context>
<context>
    <name>DragTool</name>
    <message>
        <source>Add pin</source>
        <translation>ピンを追加</translation>
    </message>
    <message>
        <source>This layer is locked; unlock it in the layers panel to drag it.</source>
        <translation>このレイヤーはロックされています。ドラッグするには、レイヤーパネルでロックを解除してください。</translation>
    </message>
    <message>
        <source>Add drag</source>
        <translation>ドラッグを追加</translation>
    </message>
    <message>
        <source>This layer is hidden; show it in the layers panel to drag it.</source>
        <translation>このレイヤーは非表示です。ドラッグするにはレイヤーパネルで表示してください。</translation>
    </message>
    <message>
        <source>Move markers</source>
        <translation>マーカーを移動</translation>
    </message>
    <message>
        <source>Nudge markers</source>
        <translation>マーカーを微調整</translation>
    </message>
    <message>
        <source>Reverse drags</source>
        <translation>ドラッグの向きを逆転</translation>
    </message>
    <message>
        <source>Mirror drags</source>
        <translation>ドラッグを左右反転して複製</translation>
    </message>
    <message>
        <source>Delete markers</source>
        <translation>マーカーを削除</translation>
    </message>
</context>
<context>
    <name>EditPanel</name>
    <message>
        <source>Bend</source>
        <translation>変形</translation>
    </message>
    <message>
        <source>Bend the picture like a rubber sheet</source>
        <translation>画像をゴムシートのように変形させます</translation>
    </message>
    <message>
        <source>Move</source>
        <translation>移動</translation>
    </message>
    <message>
        <source>Lift off what moves, and fill the place that it leaves</source>
        <translation>動かすものを切り離して移動し、空いた場所を埋めます</translation>
    </message>
    <message>
        <source>Keep as a layer</source>
        <translation>レイヤーとして残す</translation>
    </message>
    <message>
        <source>Remove drags</source>
        <translation>ドラッグを削除</translation>
    </message>
    <message>
        <source>Keeping…</source>
        <translation>レイヤーにしています…</translation>
    </message>
    <message>
        <source>Move instead of bending</source>
        <translation>変形から移動に切り替え</translation>
    </message>
    <message>
        <source>Bend instead of moving</source>
        <translation>移動から変形に切り替え</translation>
    </message>
    <message>
        <source>Drags: {drags}   Pins: {pins}</source>
        <translation>ドラッグ: {drags}&#x3000;ピン: {pins}</translation>
    </message>
    <message>
        <source>Press on the picture and pull. Double-click to pin a place.</source>
        <translation>画像を押さえて引っ張ります。ダブルクリックでピン留めします。</translation>
    </message>
</context>
<context>
    <name>EditSession</name>
    <message>
        <source>{kept} is kept; {title} goes on.</source>
        <translation>{kept} を保持しました。{title} は続行中です。</translation>
    </message>
    <message>
        <source>{title} is done; undo to what it was made for to see it.</source>
        <translation>{title} が完了しました。元のドラッグまで取り消すと表示されます。</translation>
    </message>
    <message>
        <source>{told}: {advice}.</source>
        <translation>{told}。{advice}。</translation>
    </message>
    <message>
        <source>Drag {number} starts where nothing may change, and will stay; let the picture change there.</source>
        <translation>ドラッグ {number} の始点は変更できない場所にあるため動きません。そこも変更できるようにしてください。</translation>
    </message>
    <message>
        <source>The drag moved {percent} % of the way.</source>
        <translation>ドラッグは移動先までの {percent}% 動きました。</translation>
    </message>
    <message>
        <source>All {count} drags arrived; the least far, drag {number}, moved {percent} % of the way.</source>
        <translation>{count} 個のドラッグはすべて届きました。最も短いドラッグ {number} は移動先までの {percent}% 動きました。</translation>
    </message>
    <message>
        <source>{arrived} of {count} drags arrived, and drag {number} moved {percent} % of the way</source>
        <translation>{count} 個のドラッグのうち {arrived} 個が届き、ドラッグ {number} は移動先までの {percent}% しか動きませんでした</translation>
    </message>
    <message>
        <source>Drag {number} moved {percent} % of the way</source>
        <translation>ドラッグ {number} は移動先までの {percent}% しか動きませんでした</translation>
    </message>
    <message>
        <source>it starts where nothing may change; let the picture change there</source>
        <translation>始点が変更できない場所にあります。そこも変更できるようにしてください</translation>
    </message>
    <message>
        <source>it was stopped early; let it run to its end</source>
        <translation>途中で停止しました。最後まで実行してください</translation>
    </message>
    <message>
        <source>allow it more steps, or pull less</source>
        <translation>ステップ数を増やすか、引っ張る距離を短くしてください</translation>
    </message>
    <message>
        <source>let more of the picture change, or pull less</source>
        <translation>変更できる範囲を広げるか、引っ張る距離を短くしてください</translation>
    </message>
</context>
<context>
    <name>EngineMenu</name>
    <message>
        <source>Choose the folder of a Python environment</source>
        <translation>Python 環境のフォルダーを選択</translation>
    </message>
    <message>
        <source>Trying the engine in {}…</source>
        <translation>{} のエンジンを試しています…</translation>
    </message>
    <message>
        <source>There is no Python in {} any more; the engine of this installation is used.</source>
        <translation>{} に Python がなくなりました。このインストールのエンジンを使います。</translation>
    </message>
    <message>
        <source>&amp;Restart the engine</source>
        <translation>エンジンを再起動(&amp;R)</translation>
    </message>
    <message>
        <source>This &amp;installation</source>
        <translation>このインストール(&amp;I)</translation>
    </message>
    <message>
        <source>Another Python &amp;folder…</source>
        <translation>別の Python フォルダー(&amp;F)…</translation>
    </message>
    <message>
        <source>&amp;About the engine…</source>
        <translation>エンジンについて(&amp;A)…</translation>
    </message>
    <message>
        <source>The engine goes on as before.</source>
        <translation>エンジンはこれまでどおり動きます。</translation>
    </message>
    <message>
        <source>The engine is ready: {}.</source>
        <translation>エンジンの準備ができました：{}。</translation>
    </message>
</context>
<context>
    <name>EngineTier</name>
    <message>
        <source>{title} was stopped; nothing of it is kept.</source>
        <translation>{title} は停止しました。途中の結果は残りません。</translation>
    </message>
    <message>
        <source>{title} was stopped before there was anything to show.</source>
        <translation>{title} は表示できる結果が出る前に停止しました。</translation>
    </message>
</context>
<context>
    <name>EngineWorker</name>
    <message>
        <source>The system ended the engine, probably because memory ran out; it was restarted. Your document is untouched. Try a smaller part, or close other programs.</source>
        <translation>システムがエンジンを終了させたため、再起動しました。おそらくメモリー不足です。ドキュメントはそのままです。範囲を小さくするか、ほかのプログラムを終了してください。</translation>
    </message>
    <message>
        <source>The graphics device reported a fault, so the engine was restarted. Your document is untouched; run the edit again.</source>
        <translation>グラフィックスデバイスに障害が起きたため、エンジンを再起動しました。ドキュメントはそのままです。もう一度編集を実行してください。</translation>
    </message>
    <message>
        <source>The engine crashed (status {status}) and was restarted. Your document is untouched; run the edit again.</source>
        <translation>エンジンが異常終了した（状態 {status}）ため、再起動しました。ドキュメントはそのままです。もう一度編集を実行してください。</translation>
    </message>
    <message>
        <source>The engine gave no sign for {seconds} s, so it was restarted. Your document is untouched; run the edit again.</source>
        <translation>エンジンから {seconds} 秒間応答がないため、再起動しました。ドキュメントはそのままです。もう一度編集を実行してください。</translation>
    </message>
    <message>
        <source>The edit did not stop within {seconds} s, so the engine was restarted. Your document is untouched.</source>
        <translation>編集が {seconds} 秒以内に止まらなかったため、エンジンを再起動しました。ドキュメントはそのままです。</translation>
    </message>
    <message>
        <source>The engine was restarted; run the edit again.</source>
        <translation>エンジンを再起動しました。もう一度編集を実行してください。</translation>
    </message>
    <message>
        <source>The engine&apos;s answer made no sense, so it was restarted; run the edit again.</source>
        <translation>エンジンの応答を解釈できないため、再起動しました。もう一度編集を実行してください。</translation>
    </message>
    <message>
        <source>The edit has made no progress for {seconds} s. Wait, or cancel it; your document is untouched.</source>
        <translation>編集が {seconds} 秒間進んでいません。待つか、キャンセルしてください。ドキュメントはそのままです。</translation>
    </message>
    <message>
        <source>The edit has waited for more than {seconds} s, as the engine is still at the job before. Wait, or restart the engine; your document is untouched.</source>
        <translation>エンジンが前の処理をまだ続けているため、この編集は {seconds} 秒以上待っています。このまま待つか、エンジンを再起動してください。ドキュメントは変更されていません。</translation>
    </message>
    <message>
        <source>The edit waits until what there is of the stopped one is finished. Wait, or press Discard; your document is untouched.</source>
        <translation>停止した編集の途中までの結果を仕上げているため、この編集は待機しています。お待ちいただくか、［破棄］を押してください。ドキュメントに影響はありません。</translation>
    </message>
    <message>
        <source>The edit could not be prepared; what went wrong is written in {folder}. Try again.</source>
        <translation>編集を準備できませんでした。原因は {folder} に記録されています。もう一度試してください。</translation>
    </message>
    <message>
        <source>The engine cannot be started with {program}. Install Pliant again or choose another runtime; what went wrong is written in {folder}.</source>
        <translation>{program} でエンジンを起動できません。Pliant をもう一度インストールするか、別のランタイムを選んでください。原因は {folder} に記録されています。</translation>
    </message>
    <message>
        <source>There is no Python in {folder}; choose the folder of a runtime.</source>
        <translation>{folder} に Python がありません。ランタイムのフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>The Python in {folder} has no torch, which every method of the engine needs; install torch there, or choose another folder.</source>
        <translation>{folder} の Python には、エンジンのすべての手法に必要な torch がありません。そこに torch をインストールするか、別のフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>The runtime {program} belongs to another version of Pliant; update it, or choose another.</source>
        <translation>ランタイム {program} は別のバージョンの Pliant のものです。更新するか、別のランタイムを選んでください。</translation>
    </message>
    <message>
        <source>{count} edits are waiting already; let one finish, or cancel one.</source>
        <translation>すでに {count} 件の編集が待っています。1 件終わるのを待つか、キャンセルしてください。</translation>
    </message>
    <message>
        <source>Memory does not suffice to hand the picture to the engine; close other programs.</source>
        <translation>画像をエンジンに渡すためのメモリーが足りません。ほかのプログラムを終了してください。</translation>
    </message>
</context>
<context>
    <name>FileWorker</name>
    <message>
        <source>There is not enough memory for this picture; close other programs and try again.</source>
        <translation>この画像を開くにはメモリーが足りません。ほかのプログラムを終了してから、もう一度お試しください。</translation>
    </message>
</context>
<context>
    <name>Filing</name>
    <message>
        <source>Open a picture</source>
        <translation>画像を開く</translation>
    </message>
    <message>
        <source>picture.png</source>
        <translation>画像.png</translation>
    </message>
    <message>
        <source>Save the picture</source>
        <translation>画像を保存</translation>
    </message>
    <message>
        <source>Opening {}…</source>
        <translation>{} を開いています…</translation>
    </message>
    <message>
        <source>Saving {}…</source>
        <translation>{} を保存しています…</translation>
    </message>
    <message>
        <source>Background</source>
        <translation>背景</translation>
    </message>
    <message>
        <source>Saved to {} as one picture; layers and masks stay only while it is open.</source>
        <translation>{} に 1 枚の画像として保存しました。レイヤーとマスクは、開いている間だけ残ります。</translation>
    </message>
    <message>
        <source>{} exists already. Replace it?</source>
        <translation>{} は既にあります。置き換えますか？</translation>
    </message>
    <message>
        <source>Press on the picture and pull.</source>
        <translation>画像を押さえて引っ張ってください。</translation>
    </message>
    <message>
        <source>Saved to {}</source>
        <translation>{} に保存しました</translation>
    </message>
</context>
<context>
    <name>GenerateDialog</name>
    <message>
        <source>Generate a picture</source>
        <translation>画像を生成</translation>
    </message>
    <message>
        <source>What the picture should show</source>
        <translation>画像に描く内容</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>プロンプト</translation>
    </message>
    <message>
        <source>Pack</source>
        <translation>パック</translation>
    </message>
    <message>
        <source>Width</source>
        <translation>幅</translation>
    </message>
    <message>
        <source>Height</source>
        <translation>高さ</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>シード</translation>
    </message>
    <message>
        <source>Another seed, by chance</source>
        <translation>シードをランダムに選ぶ</translation>
    </message>
    <message>
        <source>&amp;Generate</source>
        <translation>生成(&amp;G)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>&amp;Open for editing</source>
        <translation>編集用に開く(&amp;O)</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
</context>
<context>
    <name>HistoryPanel</name>
    <message>
        <source>As opened</source>
        <translation>開いた時の状態</translation>
    </message>
    <message>
        <source>History</source>
        <translation>履歴</translation>
    </message>
    <message>
        <source>The steps taken; choose one to go back or forth to it.</source>
        <translation>これまでの操作です。選ぶとその時点に移動します。</translation>
    </message>
</context>
<context>
    <name>Keeper</name>
    <message>
        <source>Drag</source>
        <translation>ドラッグ</translation>
    </message>
    <message>
        <source>Keep the drag</source>
        <translation>ドラッグの結果を残す</translation>
    </message>
    <message>
        <source>The drag was not kept; press Enter again.</source>
        <translation>ドラッグは保持されませんでした。もう一度 Enter を押してください。</translation>
    </message>
</context>
<context>
    <name>LayersModel</name>
    <message>
        <source>Rename layer</source>
        <translation>レイヤー名を変更</translation>
    </message>
    <message>
        <source>Show layer</source>
        <translation>レイヤーを表示</translation>
    </message>
    <message>
        <source>Hide layer</source>
        <translation>レイヤーを非表示</translation>
    </message>
    <message>
        <source>Lock layer</source>
        <translation>レイヤーをロック</translation>
    </message>
    <message>
        <source>Unlock layer</source>
        <translation>レイヤーのロックを解除</translation>
    </message>
    <message>
        <source>Move layer</source>
        <translation>レイヤーの順序を変更</translation>
    </message>
    <message>
        <source>{}, locked</source>
        <translation>{}、ロック中</translation>
    </message>
    <message>
        <source>{}, hidden and locked</source>
        <translation>{}、非表示、ロック中</translation>
    </message>
    <message>
        <source>{}, hidden</source>
        <translation>{}、非表示</translation>
    </message>
</context>
<context>
    <name>LayersPanel</name>
    <message>
        <source>Layers</source>
        <translation>レイヤー</translation>
    </message>
    <message>
        <source> %</source>
        <translation>%</translation>
    </message>
    <message>
        <source>Opacity</source>
        <translation>不透明度</translation>
    </message>
    <message>
        <source>How much of the layer shows over those below it.</source>
        <translation>下のレイヤーの上に、このレイヤーをどのくらい濃く表示するか。</translation>
    </message>
    <message>
        <source>New layer</source>
        <translation>新規レイヤー</translation>
    </message>
    <message>
        <source>Duplicate layer</source>
        <translation>レイヤーを複製</translation>
    </message>
    <message>
        <source>Move layer up</source>
        <translation>レイヤーを上へ移動</translation>
    </message>
    <message>
        <source>Move layer down</source>
        <translation>レイヤーを下へ移動</translation>
    </message>
    <message>
        <source>Delete layer</source>
        <translation>レイヤーを削除</translation>
    </message>
    <message>
        <source>Rename layer</source>
        <translation>レイヤー名を変更</translation>
    </message>
    <message>
        <source>Layer visible</source>
        <translation>レイヤーの表示</translation>
    </message>
    <message>
        <source>Layer locked</source>
        <translation>レイヤーのロック</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>レイヤー</translation>
    </message>
    <message>
        <source>{} copy</source>
        <translation>{} のコピー</translation>
    </message>
    <message>
        <source>Move layer</source>
        <translation>レイヤーの順序を変更</translation>
    </message>
    <message>
        <source>Layer opacity</source>
        <translation>レイヤーの不透明度</translation>
    </message>
</context>
<context>
    <name>Leaving</name>
    <message>
        <source>The picture has changes that are not saved. Save it first?</source>
        <translation>画像に保存していない変更があります。先に保存しますか？</translation>
    </message>
    <message>
        <source>Layers and masks are lost: a file holds the picture as one.</source>
        <translation>ファイルには 1 枚の画像だけが入るため、レイヤーとマスクは失われます。</translation>
    </message>
    <message>
        <source>The picture is saved as one. Close it without its layers and masks?</source>
        <translation>1 枚の画像として保存されています。レイヤーとマスクを残さずに閉じますか？</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>閉じる(&amp;C)</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>There is no drag yet: before and after are the same.</source>
        <translation>まだドラッグがないため、編集前と後は同じです。</translation>
    </message>
    <message>
        <source>Drag</source>
        <translation>ドラッグ</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>レイヤー</translation>
    </message>
    <message>
        <source>History</source>
        <translation>履歴</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>ツール</translation>
    </message>
    <message>
        <source>T&amp;heme</source>
        <translation>テーマ(&amp;H)</translation>
    </message>
    <message>
        <source>E&amp;ngine</source>
        <translation>エンジン(&amp;N)</translation>
    </message>
    <message>
        <source>Sample</source>
        <translation>サンプル</translation>
    </message>
    <message>
        <source>Generated picture</source>
        <translation>生成した画像</translation>
    </message>
    <message>
        <source>Welcome</source>
        <translation>ようこそ</translation>
    </message>
</context>
<context>
    <name>MethodChooser</name>
    <message>
        <source>Settings of this method</source>
        <translation>この手法の設定</translation>
    </message>
    <message>
        <source>{} · {}, simplified</source>
        <translation>{} · {}（簡易版）</translation>
    </message>
</context>
<context>
    <name>Offering</name>
    <message>
        <source>&amp;Prepare refining while I work</source>
        <translation>作業中に仕上げの準備をする(&amp;P)</translation>
    </message>
</context>
<context>
    <name>Phase</name>
    <message>
        <source>Preparing</source>
        <translation>準備中</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>読み込み中</translation>
    </message>
    <message>
        <source>Encoding</source>
        <translation>エンコード中</translation>
    </message>
    <message>
        <source>Learning</source>
        <translation>学習中</translation>
    </message>
    <message>
        <source>Generating again</source>
        <translation>再生成中</translation>
    </message>
    <message>
        <source>Inverting</source>
        <translation>ノイズへ変換中</translation>
    </message>
    <message>
        <source>Dragging</source>
        <translation>ドラッグ中</translation>
    </message>
    <message>
        <source>Denoising</source>
        <translation>ノイズ除去中</translation>
    </message>
    <message>
        <source>Decoding</source>
        <translation>デコード中</translation>
    </message>
    <message>
        <source>Finding what moves</source>
        <translation>動く部分を検出中</translation>
    </message>
    <message>
        <source>Finding the motion</source>
        <translation>動きを推定中</translation>
    </message>
    <message>
        <source>Moving</source>
        <translation>移動中</translation>
    </message>
    <message>
        <source>Filling</source>
        <translation>補完中</translation>
    </message>
    <message>
        <source>Restoring detail</source>
        <translation>細部を復元中</translation>
    </message>
</context>
<context>
    <name>PrepareTier</name>
    <message>
        <source>Preparing: {phase} {done}/{total}</source>
        <translation>準備中：{phase} {done}/{total}</translation>
    </message>
</context>
<context>
    <name>PullHint</name>
    <message>
        <source>Press on the picture and pull</source>
        <translation>画像を押さえて引っ張ってください</translation>
    </message>
</context>
<context>
    <name>ResultsList</name>
    <message>
        <source>Results</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>The results of these drags; choose the one to see and to keep.</source>
        <translation>これらのドラッグの結果です。表示して残すものを選んでください。</translation>
    </message>
    <message>
        <source>Without refining</source>
        <translation>仕上げなし</translation>
    </message>
    <message>
        <source>{title} · {percent} %</source>
        <translation>{title} · {percent}%</translation>
    </message>
    <message>
        <source>{title}, stopped early</source>
        <translation>{title}（途中で停止）</translation>
    </message>
</context>
<context>
    <name>RunPanel</name>
    <message>
        <source>When the pointer rests</source>
        <translation>ポインターが止まったとき</translation>
    </message>
    <message>
        <source>On demand</source>
        <translation>必要なとき</translation>
    </message>
    <message>
        <source>Flow warp alone</source>
        <translation>フローワープのみ</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自動</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>プロセッサー</translation>
    </message>
    <message>
        <source>NVIDIA GPU</source>
        <translation>NVIDIA GPU</translation>
    </message>
    <message>
        <source>Apple GPU</source>
        <translation>Apple GPU</translation>
    </message>
    <message>
        <source>Run on</source>
        <translation>実行する装置</translation>
    </message>
    <message>
        <source>Refine</source>
        <translation>仕上げる</translation>
    </message>
    <message>
        <source>Run the method on the drags (Ctrl+Enter)</source>
        <translation>ドラッグに対してこの手法を実行します (Ctrl+Enter)</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>破棄</translation>
    </message>
    <message>
        <source>End at once, and drop what there is so far (Esc)</source>
        <translation>すぐに終了し、そこまでの結果を破棄します (Esc)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop, and show what there is so far (Esc)</source>
        <translation>停止して、そこまでの結果を表示します (Esc)</translation>
    </message>
</context>
<context>
    <name>SelectTool</name>
    <message>
        <source>Select what moves</source>
        <translation>動かすものを選択</translation>
    </message>
</context>
<context>
    <name>SettingsForm</name>
    <message>
        <source>Reset {} to its default</source>
        <translation>「{}」を既定値に戻す</translation>
    </message>
    <message>
        <source>Reset to the default, {}</source>
        <translation>既定値（{}）に戻す</translation>
    </message>
    <message>
        <source>on</source>
        <translation>オン</translation>
    </message>
    <message>
        <source>off</source>
        <translation>オフ</translation>
    </message>
    <message>
        <source>Stiffness</source>
        <translation>剛性</translation>
    </message>
    <message>
        <source>How far around a handle the picture moves as one piece</source>
        <translation>ハンドルのまわりのどこまでが一体となって動くか</translation>
    </message>
    <message>
        <source>Fill</source>
        <translation>埋め方</translation>
    </message>
    <message>
        <source>What uncovered places get: texture from elsewhere in the picture, or smooth colour</source>
        <translation>空いた場所の埋め方：画像のほかの部分のテクスチャー、または滑らかな色</translation>
    </message>
    <message>
        <source>texture</source>
        <translation>テクスチャー</translation>
    </message>
    <message>
        <source>smooth</source>
        <translation>滑らか</translation>
    </message>
    <message>
        <source>Flowgen</source>
        <translation>FlowGen</translation>
    </message>
    <message>
        <source>Which network spreads the motion: one for few drags, or a very fine one for many</source>
        <translation>動きを広げるネットワーク：ドラッグが少ないとき用、または多いとき用のきめ細かいもの</translation>
    </message>
    <message>
        <source>few</source>
        <translation>少数</translation>
    </message>
    <message>
        <source>many</source>
        <translation>多数</translation>
    </message>
    <message>
        <source>Reach</source>
        <translation>到達範囲</translation>
    </message>
    <message>
        <source>How far the motion reaches: peak, as far as the longest drag, or static, by a factor</source>
        <translation>動きの届く距離：最大（最長のドラッグまで）、または固定（倍率による）</translation>
    </message>
    <message>
        <source>peak</source>
        <translation>最大</translation>
    </message>
    <message>
        <source>static</source>
        <translation>固定</translation>
    </message>
    <message>
        <source>Reach Factor</source>
        <translation>到達倍率</translation>
    </message>
    <message>
        <source>What a static reach multiplies the motion by</source>
        <translation>固定のとき動きに掛ける倍率</translation>
    </message>
    <message>
        <source>Inference Steps</source>
        <translation>推論ステップ数</translation>
    </message>
    <message>
        <source>Denoising steps</source>
        <translation>ノイズ除去のステップ数</translation>
    </message>
    <message>
        <source>Image Guidance</source>
        <translation>画像ガイダンス</translation>
    </message>
    <message>
        <source>How closely to keep to the picture</source>
        <translation>元の画像にどれだけ忠実にするか</translation>
    </message>
    <message>
        <source>Flow Guidance</source>
        <translation>フローガイダンス</translation>
    </message>
    <message>
        <source>How closely to follow the motion</source>
        <translation>動きにどれだけ忠実に従うか</translation>
    </message>
    <message>
        <source>Denoising steps from pure noise to a picture</source>
        <translation>純粋なノイズから画像までのノイズ除去のステップ数</translation>
    </message>
    <message>
        <source>Inversion Strength</source>
        <translation>反転の強さ</translation>
    </message>
    <message>
        <source>How far the picture is turned back to noise before it is dragged</source>
        <translation>ドラッグの前に画像をどこまでノイズに戻すか</translation>
    </message>
    <message>
        <source>Alternating</source>
        <translation>交互に実行</translation>
    </message>
    <message>
        <source>Drag a little before each denoising step, not all at once</source>
        <translation>一度にではなく、ノイズ除去の各ステップの前に少しずつドラッグする</translation>
    </message>
    <message>
        <source>Drag Steps</source>
        <translation>ドラッグのステップ数</translation>
    </message>
    <message>
        <source>Denoising steps that are preceded by dragging</source>
        <translation>前にドラッグを行うノイズ除去ステップの数</translation>
    </message>
    <message>
        <source>Trackings</source>
        <translation>追跡回数</translation>
    </message>
    <message>
        <source>How often handles are tracked before a denoising step</source>
        <translation>ノイズ除去の 1 ステップの前にハンドルを追跡する回数</translation>
    </message>
    <message>
        <source>Updates</source>
        <translation>更新回数</translation>
    </message>
    <message>
        <source>Updates of the picture for each tracking</source>
        <translation>追跡 1 回あたりの画像の更新回数</translation>
    </message>
    <message>
        <source>Learning Rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Size of an update</source>
        <translation>更新 1 回の大きさ</translation>
    </message>
    <message>
        <source>Information Preserving</source>
        <translation>情報の保持</translation>
    </message>
    <message>
        <source>Keep handles looking as in the original, not as after the last update</source>
        <translation>ハンドルの見た目を直前の更新後ではなく元の画像に合わせる</translation>
    </message>
    <message>
        <source>Mask Weight</source>
        <translation>マスクの重み</translation>
    </message>
    <message>
        <source>How strictly the picture stays where it may not change</source>
        <translation>変更できない場所をどれだけ厳密に保つか</translation>
    </message>
    <message>
        <source>Patch Radius</source>
        <translation>パッチの半径</translation>
    </message>
    <message>
        <source>Half the side of what is pulled at a handle</source>
        <translation>ハンドルで引っ張る部分の一辺の半分</translation>
    </message>
    <message>
        <source>Tracking Radius</source>
        <translation>追跡の半径</translation>
    </message>
    <message>
        <source>Half the side of where a handle is looked for</source>
        <translation>ハンドルを探す範囲の一辺の半分</translation>
    </message>
    <message>
        <source>Stride</source>
        <translation>歩幅</translation>
    </message>
    <message>
        <source>How far ahead a handle is pulled at a time</source>
        <translation>ハンドルを一度にどれだけ先へ引っ張るか</translation>
    </message>
    <message>
        <source>Early Stop</source>
        <translation>早期停止</translation>
    </message>
    <message>
        <source>Trackings without any motion after which dragging ends</source>
        <translation>動きがないままこの回数追跡するとドラッグを終える</translation>
    </message>
    <message>
        <source>Feature Block</source>
        <translation>特徴ブロック</translation>
    </message>
    <message>
        <source>Which block of the network points are known by; 0 is its middle</source>
        <translation>点を見分けるネットワークのブロック（0 は中央）</translation>
    </message>
    <message>
        <source>Lora Steps</source>
        <translation>LoRA のステップ数</translation>
    </message>
    <message>
        <source>Steps in which the network learns the picture; 0 for none</source>
        <translation>ネットワークが画像を学ぶステップ数（0 で学ばない）</translation>
    </message>
    <message>
        <source>Lora Learning Rate</source>
        <translation>LoRA の学習率</translation>
    </message>
    <message>
        <source>Size of such a step</source>
        <translation>そのステップ 1 回の大きさ</translation>
    </message>
    <message>
        <source>Lora Batch</source>
        <translation>LoRA のバッチ</translation>
    </message>
    <message>
        <source>Noised pictures in such a step</source>
        <translation>1 ステップで使うノイズ付き画像の数</translation>
    </message>
    <message>
        <source>Lora Rank</source>
        <translation>LoRA のランク</translation>
    </message>
    <message>
        <source>How much the network can learn of the picture</source>
        <translation>ネットワークが画像をどれだけ学べるか</translation>
    </message>
    <message>
        <source>Updates of the picture, at most</source>
        <translation>画像の更新回数の上限</translation>
    </message>
    <message>
        <source>Reference Control</source>
        <translation>参照による制御</translation>
    </message>
    <message>
        <source>Paint the edit with what the picture before it shows, by mutual self-attention</source>
        <translation>相互自己注意により、編集前の画像の内容で描く</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ数</translation>
    </message>
    <message>
        <source>Denoising steps from noise to the picture</source>
        <translation>ノイズから画像までのノイズ除去のステップ数</translation>
    </message>
    <message>
        <source>Guidance</source>
        <translation>ガイダンス</translation>
    </message>
    <message>
        <source>How much more than by itself it follows the prompt</source>
        <translation>プロンプトにどれだけ強く従うか</translation>
    </message>
</context>
<context>
    <name>Split</name>
    <message>
        <source>Before</source>
        <translation>編集前</translation>
    </message>
    <message>
        <source>After</source>
        <translation>編集後</translation>
    </message>
    <message>
        <source>Divider between before and after</source>
        <translation>編集前と編集後の境界線</translation>
    </message>
    <message>
        <source>Pull, or press the arrow keys, to compare; Esc ends it</source>
        <translation>境界線を引くか矢印キーを押して比較します。Esc で終了します</translation>
    </message>
</context>
<context>
    <name>StartPage</name>
    <message>
        <source>&amp;Open a picture…</source>
        <translation>画像を開く(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Back to the picture (Esc)</source>
        <translation>画像に戻る (Esc)(&amp;B)</translation>
    </message>
    <message>
        <source>Opened last</source>
        <translation>最近開いた画像</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>スタート</translation>
    </message>
    <message>
        <source>Samples, each with a drag to begin with</source>
        <translation>サンプル（すぐに試せるドラッグ付き）</translation>
    </message>
    <message>
        <source>Pliant</source>
        <translation>Pliant</translation>
    </message>
    <message>
        <source>Press on a photo and pull: it follows.</source>
        <translation>写真を押さえて引っ張ると、そのとおりに動きます。</translation>
    </message>
    <message>
        <source>You can also drop a picture anywhere in this window.</source>
        <translation>このウィンドウに画像をドロップして開くこともできます。</translation>
    </message>
    <message>
        <source>It is missing or cannot be read.</source>
        <translation>見つからないか、読み込めません。</translation>
    </message>
    <message>
        <source>Stretch to see further</source>
        <translation>伸び上がって遠くを見る</translation>
    </message>
    <message>
        <source>Build the tower higher</source>
        <translation>タワーをもっと高くする</translation>
    </message>
    <message>
        <source>A bigger dandelion</source>
        <translation>もっと大きなタンポポ</translation>
    </message>
    <message>
        <source>Tilt the head</source>
        <translation>首をかしげる</translation>
    </message>
    <message>
        <source>A pearl twice as large</source>
        <translation>2 倍の大きさの真珠</translation>
    </message>
    <message>
        <source>Raise the mast</source>
        <translation>マストを高くする</translation>
    </message>
    <message>
        <source>A broader smile</source>
        <translation>もっとにっこり</translation>
    </message>
    <message>
        <source>Raise the summit</source>
        <translation>山頂を高くする</translation>
    </message>
    <message>
        <source>Look up</source>
        <translation>上を向く</translation>
    </message>
    <message>
        <source>Take the ball out of the picture</source>
        <translation>ボールを画像から消す</translation>
    </message>
    <message>
        <source>Heap it higher</source>
        <translation>もっと高く盛る</translation>
    </message>
    <message>
        <source>A longer gondola</source>
        <translation>もっと長いゴンドラ</translation>
    </message>
</context>
<context>
    <name>StepBar</name>
    <message>
        <source>Progress</source>
        <translation>進み具合</translation>
    </message>
    <message>
        <source>Finishing what there is…</source>
        <translation>そこまでの結果を仕上げています…</translation>
    </message>
    <message>
        <source>{phase} {done}/{total}</source>
        <translation>{phase} {done}/{total}</translation>
    </message>
    <message>
        <source>{phase} · {seconds} s left</source>
        <translation>{phase} · 残り {seconds} 秒</translation>
    </message>
    <message>
        <source>{phase} · {minutes} min left</source>
        <translation>{phase} · 残り {minutes} 分</translation>
    </message>
</context>
<context>
    <name>ThemeMenu</name>
    <message>
        <source>As the &amp;system</source>
        <translation>システムに合わせる(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Light</source>
        <translation>ライト(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Dark</source>
        <translation>ダーク(&amp;D)</translation>
    </message>
</context>
<context>
    <name>ToolBar</name>
    <message>
        <source>Tool options</source>
        <translation>ツールオプション</translation>
    </message>
    <message>
        <source> px</source>
        <translation> px</translation>
    </message>
    <message>
        <source> %</source>
        <translation>%</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>How wide the brush is, in pixels of the picture ([ and ], or Shift and a pull)</source>
        <translation>ブラシの幅（画像のピクセル単位）（[ と ]、または Shift を押しながら引く）</translation>
    </message>
    <message>
        <source>Hardness</source>
        <translation>硬さ</translation>
    </message>
    <message>
        <source>How much of the brush is fully covered (Shift+[ and Shift+], or Shift and a pull)</source>
        <translation>ブラシのうち完全に塗られる部分の割合（Shift+[ と Shift+]、または Shift を押しながら引く）</translation>
    </message>
</context>
<context>
    <name>Weights</name>
    <message>
        <source>Better weights exist: get {pack} ({licence}), for {size} × {size} pixels, from {place} into {folder} and restart the engine.</source>
        <translation>より良い重みがあります：{size} × {size} ピクセル用の {pack}（{licence}）を {place} から入手して {folder} に置き、エンジンを再起動してください。</translation>
    </message>
    <message>
        <source>No pack is installed that paints pictures from words; get a whole Stable Diffusion.</source>
        <translation>言葉から画像を描けるパックがありません。Stable Diffusion 一式を入手してください。</translation>
    </message>
    <message>
        <source>No pack is installed that paints pictures from words; get {pack} ({licence}) from {place} into {folder} and restart the engine.</source>
        <translation>言葉から画像を描けるパックがありません。{pack}（{licence}）を {place} から入手して {folder} に置き、エンジンを再起動してください。</translation>
    </message>
</context>
<context>
    <name>Workspace</name>
    <message>
        <source>Clear the mask</source>
        <translation>マスクをクリア</translation>
    </message>
    <message>
        <source>Place a handle on what moves first.</source>
        <translation>先に、動かすものの上にハンドルを置いてください。</translation>
    </message>
    <message>
        <source>Find what moves</source>
        <translation>動かすものを検出</translation>
    </message>
</context>
<context>
    <name>_Delegate</name>
    <message>
        <source>{} %</source>
        <translation>{}%</translation>
    </message>
</context>
</TS>
